import { realpathSync } from 'node:fs'
import type { DebianRelease } from '#engine/systems.ts'
import { findEngine } from './engine.ts'
import type { SandboxOptions } from './host.ts'
import { ensureImage } from './image.ts'
import { readState } from './state.ts'

/**
 * Makes ready what hosts are made of: the engine and the image of each bare Debian, which take minutes on a machine
 * that has neither, and a tenth of a second on one that has both. Throws what `sandboxUp` would.
 */
export async function sandboxPrepare(
  releases: readonly DebianRelease[],
  options: SandboxOptions,
): Promise<void> {
  const engine = await findEngine(readState(realpathSync(options.root))?.engine, options.say)
  const images = await Promise.allSettled(releases.map(release => ensureImage(engine, release, options.say)))
  for (const each of images) if (each.status === 'rejected') throw each.reason
}
