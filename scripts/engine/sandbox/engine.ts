import { CapstanError } from '../errors.ts'
import { type Finished, lastLines, type RunOptions, run } from './process.ts'
import { ensureTools, isPresent, needsRunc } from './tools.ts'

export type EngineName = 'docker' | 'podman'

/** The container engine of this machine, as a value: which program it is and how it is run. */
export interface Engine {
  readonly name: EngineName
  /** Runs it and gives what it said; any exit code. */
  readonly try: (words: readonly string[], options?: RunOptions) => Promise<Finished>
  /** Runs it and gives its standard output, trimmed; throws CapstanError where it exits with another code than 0. */
  readonly must: (words: readonly string[], options?: RunOptions) => Promise<string>
}

/**
 * The engine to use: docker where one really answers, else podman, which is installed where that may be done.
 * A clone keeps to the engine that it began with. Throws UsageError that names what to install.
 */
export async function findEngine(
  recorded: EngineName | undefined,
  say: (line: string) => void,
): Promise<Engine> {
  if (recorded !== 'podman' && (await dockerAnswers())) return engine('docker')
  // All that podman needs was there when the clone's sandbox began.
  if (recorded !== 'podman' || !isPresent('podman')) await ensureTools(say)
  return engine('podman')
}

/** The engine that is there, for looking and clearing away; absent where this machine has none. */
export async function presentEngine(recorded: EngineName | undefined): Promise<Engine | undefined> {
  if (recorded !== undefined) return engine(recorded)
  if (await dockerAnswers()) return engine('docker')
  return (await run('podman', ['--version'])).code === 0 ? engine('podman') : undefined
}

/** The engine by its name, unexamined. */
export function engine(name: EngineName): Engine {
  const runtime = name === 'podman' && needsRunc() ? ['--runtime', 'runc'] : []
  // Podman that is killed while it starts a container leaves addresses, bridges and port rules taken until the
  // machine is booted anew: an interrupted `up` lets it finish what it is at.
  const attempt: Engine['try'] = (words, options) =>
    run(name, [...runtime, ...words], { detached: true, ...options })
  return {
    name,
    try: attempt,
    must: async (words, options) => {
      const done = await attempt(words, options)
      if (done.code === 0) return done.stdout.trim()
      throw engineError(name, words, done)
    },
  }
}

async function dockerAnswers(): Promise<boolean> {
  const docker = await run('docker', ['info', '--format', '{{.ServerVersion}}'], { deadline: 20 })
  return docker.code === 0 && docker.stdout.trim() !== ''
}

export function engineError(name: EngineName, words: readonly string[], done: Finished): CapstanError {
  const how = done.code === null ? 'took too long and was ended' : `exited with ${done.code}`
  return new CapstanError('sandbox-engine', `${name} ${words[0]} ${how}`, {
    lines: lastLines(done.stderr),
    hint: `\`${name} info\` tells whether the engine works; \`sandbox.mjs down\` clears away what is left of a sandbox.`,
  })
}
