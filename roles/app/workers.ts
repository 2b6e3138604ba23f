import type { Declarations } from '#engine/converge/declarations.ts'
import type { Handler } from '#engine/resources/resource.ts'
import { workerName } from '#engine/resources/workers.ts'
import type { AppVars, Runtime } from './runtime.ts'

type Worker = AppVars['workers'][string]

/** The units that run for the live release, as `systemctl start` is told them but for the release between the two. */
export function startedUnits(app: string, workers: AppVars['workers']) {
  return Object.entries(workers).map(([name, { schedule }]) => ({
    before: `${workerName(app, name)}@`,
    after: schedule === undefined ? '.service' : '.timer',
  }))
}

/** A template of a service for each worker, in the sandbox of the app's server, and of a timer where it has a schedule. */
export function workerUnits(
  app: string,
  workers: AppVars['workers'],
  {
    unit,
    notify,
    runtime,
    limits,
  }: Pick<Declarations, 'unit'> & { notify: Handler; runtime: Runtime; limits: readonly string[] },
): void {
  const { common, allowed } = runtime
  for (const [name, worker] of Object.entries(workers)) {
    const service = serviceLines(worker, `/srv/www/${app}/releases/%i`)
    unit(`${workerName(app, name)}@.service`, {
      from: '/etc/systemd/system/app@.service',
      vars: { app, what: `${name} of release`, server: false, port: false, common, limits, service, allowed },
      notify,
    })
    if (worker.schedule === undefined) continue
    unit(`${workerName(app, name)}@.timer`, {
      from: '/etc/systemd/system/app.worker@.timer',
      vars: { app, worker: name, schedule: worker.schedule },
      notify,
    })
  }
}

function serviceLines({ command, schedule, stop }: Worker, release: string): readonly string[] {
  const always = [
    '# Again when it ends, however it ends and however often.',
    'Restart=always',
    'RestartSec=2',
  ]
  const timed = [
    '# What its timer has begun is not told to end; it has its time for it.',
    'KillSignal=SIGCONT',
  ]
  return [
    'Type=exec',
    `ExecStart=${commandLine(command, release)}`,
    ...(schedule === undefined ? always : timed),
    `TimeoutStopSec=${stop}`,
  ]
}

/** A command as ExecStart= reads it: each word arrives as it is. Source: systemd.service(5), “Command lines”. */
export function commandLine([program = '', ...args]: readonly string[], release: string): string {
  // systemd takes no path that isn't absolute, and looks a bare name up in a PATH of its own, which is not the app's.
  const start = program.startsWith('/')
    ? program
    : program.includes('/')
      ? `${release}/${program}`
      : `/usr/bin/env ${program}`
  return [start, ...args.map(quoted)].join(' ')
}

function quoted(word: string): string {
  return `"${word.replace(/["\\]/g, '\\$&').replace(/[%$]/g, '$&$&')}"`
}
