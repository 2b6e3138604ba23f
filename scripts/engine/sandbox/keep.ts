import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import type { DebianRelease } from '#engine/systems.ts'
import { cacheDirectory } from './cache.ts'
import { findEngine } from './engine.ts'
import type { SandboxOptions } from './host.ts'
import { bareImage, hasImage, imageRepository } from './image.ts'
import { withLock } from './lock.ts'
import { containerName } from './plan.ts'
import { readState } from './state.ts'

/** What is kept: the state of a host, under a name, as it follows from `recipe`. */
export interface Kept {
  readonly name: string
  readonly debian: DebianRelease
  /** A fingerprint of all that made the host what it is, but for the bare Debian. */
  readonly recipe: string
}

/**
 * The image of a host in a state that takes long to come to: where there is none for this recipe, `make` brings a
 * host to it and gives its name, and it is shut down and kept; those of other recipes under this name go. Clones
 * share it. Gives the image's name, for `sandboxUp`; the host that was made stays, stopped.
 */
export async function sandboxKeep(
  { name, debian, recipe }: Kept,
  options: SandboxOptions,
  make: () => Promise<string>,
): Promise<string> {
  const root = realpathSync(options.root)
  const engine = await findEngine(readState(root)?.engine, options.say)
  const family = `${await bareImage(engine, debian)}-${name}-`
  const image = `${family}${recipe}`
  if (await hasImage(engine, image)) return image
  await withLock(join(cacheDirectory(), 'images', `${debian}-${name}.lock`), options.say, async lock => {
    if (await hasImage(engine, image)) return
    const host = await make()
    await engine.must(['stop', containerName(root, host)], { deadline: 120 })
    await engine.must(['commit', containerName(root, host), image], { deadline: 600, hold: lock })
    const all = await engine.must(['image', 'ls', '--format', '{{.Repository}}:{{.Tag}}', imageRepository])
    // One that a host still runs on is refused by the engine, and goes with the next.
    for (const old of all.split('\n').filter(each => each.startsWith(family) && each !== image))
      await engine.try(['rmi', old])
  })
  return image
}
