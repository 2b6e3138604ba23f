import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { DebianRelease } from '#engine/systems.ts'
import { CapstanError } from '../errors.ts'
import { bootstrap } from './bootstrap.ts'
import { cacheDirectory } from './cache.ts'
import type { Engine } from './engine.ts'
import { withLock } from './lock.ts'
import { machineSources } from './machine-sources.ts'
import { contentOf, settingsOf, tagOf } from './recipe.ts'
import { buildFromRegistry } from './registry.ts'
import { bootstrapTools, ensureTools, isDebian, isRoot, missingPackages } from './tools.ts'

export const imageRepository = 'localhost/capstan-sandbox'

interface Plan {
  /** Made from this machine's apt sources, else from the registry's debian. */
  readonly local: boolean
  readonly content: string
  readonly image: string
}

async function planOf(engine: Engine, release: DebianRelease): Promise<Plan> {
  const local = isDebian() && isRoot()
  const content = contentOf(release, local ? await machineSources(release) : [])
  return { local, content, image: `${imageRepository}:${tagOf(engine, release, content)}` }
}

/** The name of the image of a bare Debian. */
export async function bareImage(engine: Engine, release: DebianRelease): Promise<string> {
  return (await planOf(engine, release)).image
}

/**
 * Builds the image of a bare Debian where the engine has none: on Debian as root by mmdebstrap from the machine's
 * own apt sources; elsewhere from the registry's debian, and by mmdebstrap where no registry can be reached.
 */
export async function ensureImage(
  engine: Engine,
  release: DebianRelease,
  say: (line: string) => void,
): Promise<void> {
  const { local, content, image } = await planOf(engine, release)
  if (await hasImage(engine, image)) return
  const base = join(cacheDirectory(), 'images', `${release}-${content}`)
  await withLock(`${base}.lock`, say, async lock => {
    if (await hasImage(engine, image)) return
    if (!local) {
      const refused = await buildFromRegistry(engine, release, image, say, lock)
      if (refused === undefined) return
      refuseWithoutTools(release, refused)
      say(`no image of Debian ${release} from the registry: ${refused.at(-1)}`)
    }
    await ensureTools(bootstrapTools(), say)
    if (!existsSync(`${base}.tar`))
      await bootstrap(release, await machineSources(release), `${base}.tar`, say, lock)
    const changes = settingsOf(engine, release).flatMap(change => ['--change', change])
    await engine.must(['import', ...changes, `${base}.tar`, image], { deadline: 600, hold: lock })
  })
}

export async function hasImage(engine: Engine, image: string): Promise<boolean> {
  return (await engine.try(['image', 'inspect', '--format', '{{.Id}}', image])).code === 0
}

/** Whoever may not install them is told of both ways at once. */
function refuseWithoutTools(release: DebianRelease, refused: readonly string[]): void {
  const missing = missingPackages(bootstrapTools())
  if (missing.length === 0 || isRoot()) return
  throw new CapstanError('sandbox-image', `sandbox: no image of Debian ${release} could be created`, {
    lines: refused,
    hint:
      `Run this again where docker.io can be reached; or \`sudo apt-get install ${missing.join(' ')}\` and run it ` +
      "again: mmdebstrap makes the image from this machine's apt sources.",
  })
}
