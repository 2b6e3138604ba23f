import { randomBytes } from 'node:crypto'
import { hostname, userInfo } from 'node:os'
import type { Deployer, DeployHost } from '#engine/deploy/settings.ts'
import type { Emit } from '#engine/output/events.ts'
import { choosePrinter } from '#engine/output/printers.ts'
import { askSudoPassword } from './ask.ts'
import type { CommandInput } from './main.ts'
import { reach } from './reach.ts'
import type { ReleaseHost } from './release-hosts.ts'

export interface ReleaseRun {
  readonly hosts: readonly DeployHost[]
  readonly by: Deployer
  readonly emit: Emit
  /** Aborted by the first SIGINT or SIGTERM; the second one ends the process at once. */
  readonly stop: AbortSignal
}

export interface ReleaseRunOptions {
  /** As the run's first line has it; undefined: no such line. */
  readonly command: string | undefined
  readonly hosts: readonly ReleaseHost[]
  readonly json: boolean
  readonly verbosity: number
  readonly askSudo: boolean
}

/** Reaches the hosts, runs `work` with a printer for its events, and gives the exit code. */
export async function releaseRun(
  { command, hosts, json, verbosity, askSudo }: ReleaseRunOptions,
  { root, environment }: CommandInput,
  work: (run: ReleaseRun) => Promise<number>,
): Promise<number> {
  const sudoPassword = await askSudoPassword(askSudo, environment)
  const printer = choosePrinter({ stream: process.stdout, json, verbosity })
  const emit: Emit = event => printer.on(event)
  const stop = new AbortController()
  const onSignal = (signal: NodeJS.Signals) => {
    if (stop.signal.aborted) process.exit(signal === 'SIGINT' ? 130 : 143)
    emit({ event: 'warning', message: `${signal}: stopping before the switch; once more ends this at once` })
    stop.abort()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  try {
    if (command !== undefined)
      emit({ event: 'run', command, hosts: hosts.map(({ host }) => host.name), check: false })
    const say = (message: string) => emit({ event: 'progress', message })
    const reachable = await reach(
      hosts.map(({ host }) => host),
      { root, sudoPassword, say },
    )
    return await work({
      hosts: hosts.map(({ host, settings }, index) => ({
        name: host.name,
        settings,
        connect: () => {
          const way = reachable[index]
          if (!way) throw new Error(`${host.name} has no way to it`)
          return way.connect()
        },
      })),
      by: deployer(environment),
      emit,
      stop: stop.signal,
    })
  } finally {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
    printer.close()
  }
}

function deployer(environment: NodeJS.ProcessEnv): Deployer {
  const now = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
  const runId = `${now}-${randomBytes(2).toString('hex')}`
  const { GITHUB_ACTOR, GITHUB_SERVER_URL, GITHUB_REPOSITORY, GITHUB_RUN_ID } = environment
  if (GITHUB_ACTOR && GITHUB_RUN_ID)
    return {
      who: `${GITHUB_ACTOR}@github`,
      url: `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID}`,
      runId,
    }
  return { who: `${userInfo().username}@${hostname()}`, url: undefined, runId }
}
