import { type Finished, lastLines } from '#engine/program.ts'
import type { DebianRelease } from '#engine/systems.ts'
import { type Engine, engineError } from './engine.ts'
import { aptSettings, bare, cached, packages, settingsOf } from './recipe.ts'

/**
 * Builds the image of a bare Debian on the registry's, which is pulled where the engine does not have it. Gives the
 * engine's words where it can't be had; absence means that it is built. Throws CapstanError where its build fails.
 */
export async function buildFromRegistry(
  engine: Engine,
  release: DebianRelease,
  image: string,
  say: (line: string) => void,
  lock: number,
): Promise<readonly string[] | undefined> {
  const base = `docker.io/library/debian:${release}`
  if ((await engine.try(['image', 'inspect', '--format', '{{.Id}}', base])).code !== 0) {
    say(`pulling ${base}`)
    const pulled = await engine.try(['pull', base], { deadline: 600, hold: lock })
    if (pulled.code !== 0) return wordsOf(pulled)
  }
  say(`building the image of Debian ${release} from ${base} (2–3 min, once)`)
  const lines = [
    `FROM ${base}`,
    `RUN rm -f /etc/apt/apt.conf.d/docker-* && printf '%s\\n' ${aptSettings.map(each => `'${each}'`).join(' ')} >/etc/apt/apt.conf.d/99capstan \\`,
    ` && apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ${packages.join(' ')} \\`,
    ` && ${cached} && cd / && ${bare}`,
    ...settingsOf(engine, release),
  ]
  const args = ['build', '-t', image, '-']
  const built = await engine.try(args, {
    input: `${lines.join('\n')}\n`,
    deadline: 1800,
    hold: lock,
    onLine: line => tellStep(line, release, say),
  })
  if (built.code !== 0)
    throw engineError(engine.name, args, { ...built, stderr: `${built.stdout}\n${built.stderr}` })
  return undefined
}

function wordsOf({ code, stderr }: Finished): readonly string[] {
  return code === null ? ['the pull took longer than 10 min'] : lastLines(stderr, 3)
}

function tellStep(line: string, release: DebianRelease, say: (line: string) => void): void {
  const step = /(Fetched \S+ \wB in .*|Setting up (?:systemd|openssh-server) .*)/.exec(line)?.[1]
  if (step !== undefined) say(`  Debian ${release}: ${step}`)
}
