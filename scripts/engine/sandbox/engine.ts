import { existsSync, readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { type Finished, lastLines, type RunOptions, run } from '#engine/program.ts'
import { CapstanError, UsageError } from '../errors.ts'
import { ensureTools, isDebianFamily, isPresent, isRoot, keyTools, needsRunc, podmanTools } from './tools.ts'

export type EngineName = 'docker' | 'podman'

/** The container engine of this machine, as a value: which program it is and how it is run. */
export interface Engine {
  readonly name: EngineName
  /** Runs it and gives what it said; any exit code. */
  readonly try: (args: readonly string[], options?: RunOptions) => Promise<Finished>
  /** Runs it and gives its standard output, trimmed; throws CapstanError where it exits with another code than 0. */
  readonly must: (args: readonly string[], options?: RunOptions) => Promise<string>
}

/**
 * The engine to use: docker where it answers, else podman as root, which is installed where that may be done.
 * A clone keeps to the engine that it began with. Throws UsageError that says why there is none and what to do.
 */
export async function findEngine(
  recorded: EngineName | undefined,
  say: (line: string) => void,
): Promise<Engine> {
  const refusal = recorded === 'podman' ? undefined : await dockerRefusal()
  if (recorded !== 'podman' && refusal === undefined) {
    await ensureTools(keyTools, say)
    return engine('docker')
  }
  if (!isRoot()) await refuseRootless(refusal)
  // All that podman needs was there when the clone's sandbox began.
  else if (recorded !== 'podman' || !isPresent('podman')) await ensureTools(await podmanTools(), say)
  if (recorded === 'docker') say(`${refusal?.why}: using podman instead, with new hosts`)
  return engine('podman')
}

/** The engine that is there, for looking and clearing away; absent where this machine has none. */
export async function presentEngine(recorded: EngineName | undefined): Promise<Engine | undefined> {
  if (recorded !== undefined) return engine(recorded)
  if ((await dockerRefusal()) === undefined) return engine('docker')
  return (await run('podman', ['--version'])).code === 0 ? engine('podman') : undefined
}

/** The engine by its name, unexamined. */
export function engine(name: EngineName): Engine {
  const runtime = name === 'podman' && needsRunc() ? ['--runtime', 'runc'] : []
  // Podman that is killed while it starts a container leaves addresses, bridges and port rules taken until the
  // machine is rebooted: an interrupted `up` lets it finish its current command.
  const attempt: Engine['try'] = (args, options) =>
    run(name, [...runtime, ...args], { detached: true, ...options })
  return {
    name,
    try: attempt,
    must: async (args, options) => {
      const done = await attempt(args, options)
      if (done.code === 0) return done.stdout.trim()
      throw engineError(name, args, done)
    },
  }
}

/** Why docker can't be used, and what to do about it. */
interface Refusal {
  readonly why: string
  readonly cure: string
}

/** Absence means that docker's engine answers. A client alone is no engine, nor is podman under docker's name. */
async function dockerRefusal(): Promise<Refusal | undefined> {
  const info = await run('docker', ['info', '--format', '{{.ServerVersion}}'], { deadline: 20 })
  if (info.code === 0 && info.stdout.trim() !== '') return undefined
  const join = `\`sudo usermod -aG docker ${userName()}\``
  if (info.code === 127) {
    const how = isDebianFamily() ? 'Run `sudo apt-get install docker.io`' : 'Install Docker'
    return { why: 'docker is not installed', cure: `${how} and ${join}, log in again, and run this again.` }
  }
  // Docker 20.10 says of `info` only that its format has nothing to show.
  const { code, stderr } = await run('docker', ['ps', '--quiet'], { deadline: 20 })
  if (/permission denied/i.test(stderr) && !isListening())
    return {
      why: 'docker: it does not run',
      cure: `Run \`sudo systemctl start docker\` and ${join}, log in again, and run this again.`,
    }
  if (/permission denied/i.test(stderr))
    return {
      why: `docker: ${userName()} has no permission for its socket`,
      cure: `Run ${join}, log in again (or \`newgrp docker\`), and run this again.`,
    }
  const why = code === null ? 'no answer within 20 s' : (lastLines(stderr, 1)[0] ?? '')
  return {
    why: `docker: ${why || 'it is no Docker'}`,
    cure: 'Run `sudo systemctl start docker`, and run this again.',
  }
}

/** Whether anything listens on Docker's socket: its file stays when the daemon has ended. Source: proc(5), /proc/net/unix. */
function isListening(): boolean {
  if (process.env['DOCKER_HOST'] || !existsSync('/proc/net/unix')) return true
  return /\/run\/docker\.sock$/m.test(readFileSync('/proc/net/unix', 'utf8'))
}

/** Docker answers, and the clone began with podman. */
const changeEngine: Refusal = {
  why: 'this sandbox was made with podman',
  cure: 'Run `rm -r .capstan/sandbox` to begin again with Docker.',
}

/** An ordinary user's podman is rootless, unless it is the client of a machine that is not. */
async function refuseRootless(docker: Refusal | undefined): Promise<void> {
  const rootless = await run('podman', ['info', '--format', '{{.Host.Security.Rootless}}'])
  if (rootless.code === 0 && rootless.stdout.trim() === 'false') return
  const { why, cure } = docker ?? (await dockerRefusal()) ?? changeEngine
  const podman = rootless.code === 127 ? [] : ['podman: rootless, which the sandbox does not support']
  throw new UsageError('sandbox-no-engine', `sandbox: ${userName()} cannot use a container engine here`, {
    lines: [why, ...podman],
    hint: `${cure} Otherwise run Capstan as root, which uses Podman.`,
  })
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    return 'USER'
  }
}

export function engineError(name: EngineName, args: readonly string[], done: Finished): CapstanError {
  const how = done.code === null ? 'took too long and was ended' : `exited with ${done.code}`
  return new CapstanError('sandbox-engine', `${name} ${args[0]} ${how}`, {
    lines: lastLines(done.stderr),
    hint: `\`${name} info\` tells whether the engine works; \`sandbox.mjs down\` clears away what is left of a sandbox.`,
  })
}
