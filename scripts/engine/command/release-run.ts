import type { DeployHost } from '#engine/deploy/settings.ts'
import { type RunIdentity, runIdentity } from '#engine/host/run-identity.ts'
import type { Emit, Event } from '#engine/output/events.ts'
import type { Report } from '#engine/output/report/report.ts'
import { quote } from '#engine/quote.ts'
import { reach } from '#engine/run/reach.ts'
import type { ReleaseHost } from '#engine/run/release-hosts.ts'
import { askSudoPassword } from './ask.ts'
import { commitsBetween } from './commits.ts'
import { handleInterrupts } from './interrupts.ts'
import type { CommandInput } from './main.ts'
import { openPrinter } from './printer.ts'

export interface ReleaseRun {
  readonly hosts: readonly DeployHost[]
  readonly run: RunIdentity
  readonly emit: Emit
  /** Aborted by the first SIGINT or SIGTERM: what was not switched by then is not. */
  readonly stop: AbortSignal
}

export interface ReleaseRunOptions {
  /** As the run's first line has it; undefined: no such line. */
  readonly command: string | undefined
  /** As it was given: `production`. */
  readonly inventory: string
  /** Nothing is changed. */
  readonly check?: boolean
  /** The repository of what is shipped; absent: the project's own. */
  readonly project?: string
  readonly hosts: readonly ReleaseHost[]
  readonly json: boolean
  readonly verbosity: number
  readonly askSudo: boolean
  readonly report?: Report | undefined
}

/** Reaches the hosts, runs `work` with a printer for its events, and gives the exit code. */
export async function releaseRun(
  { command, inventory, check = false, project, hosts, json, verbosity, askSudo, report }: ReleaseRunOptions,
  { root, environment, stdout }: CommandInput,
  work: (run: ReleaseRun) => Promise<number>,
): Promise<number> {
  const sudoPassword = await askSudoPassword(askSudo, environment)
  const printer = await openPrinter({ stream: stdout, json, verbosity, report })
  const site = hosts.find(each => each.isOneOfSeveral)?.settings.app
  const emit: Emit = event => printer.on(inContext(event, { inventory, site, project: project ?? root }))
  const interrupts = handleInterrupts(emit, () => printer.close())
  try {
    if (command !== undefined)
      emit({ event: 'run', command, hosts: hosts.map(({ host }) => host.name), check, inventory })
    const say = (message: string) => emit({ event: 'progress', message })
    const reachable = await reach(
      hosts.map(({ host }) => host),
      { root, sudoPassword, say },
    )
    const exitCode = await work({
      hosts: hosts.map(({ host, settings }, index) => ({
        name: host.name,
        settings,
        connect: seconds => {
          const way = reachable[index]
          if (!way) throw new Error(`${host.name} has no way to it`)
          return way.connect(seconds)
        },
      })),
      run: runIdentity(environment),
      emit,
      stop: interrupts.stop,
    })
    return exitCode === 0 ? 0 : (interrupts.exitCode() ?? exitCode)
  } finally {
    interrupts.release()
    printer.close()
  }
}

/** Adds to a release the commits that it brings or takes back, and to a live one the rollback command, to paste into a shell. */
function inContext(event: Event, { project, ...where }: Where & { readonly project: string }): Event {
  if (event.event !== 'release') return event
  const [from, to] =
    event.how === 'rollback' ? [event.ref, event.previousRef] : [event.previousRef, event.ref]
  const commits = commitsBetween(project, from, to)
  return withRollback(commits === undefined ? event : { ...event, commits }, where)
}

interface Where {
  readonly inventory: string
  /** Absent where the hosts have no other. */
  readonly site: string | undefined
}

/** The flags that name an inventory and a site, for a command that is printed. */
export function whereFlags({ inventory, site }: Where): readonly string[] {
  return [
    ...(inventory === 'sandbox' ? [] : ['-i', quote(inventory)]),
    ...(site === undefined ? [] : ['--site', site]),
  ]
}

function withRollback(event: Event & { readonly event: 'release' }, { inventory, site }: Where): Event {
  if (event.outcome !== 'live' || event.previous === undefined) return event
  const command = ['npx zx scripts/rollback.mjs', ...whereFlags({ inventory, site }), '--to', event.previous]
  return { ...event, rollback: command.join(' ') }
}
