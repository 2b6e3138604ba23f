import { readFileSync, writeFileSync } from 'node:fs'
import type { DebianRelease } from '#engine/systems.ts'
import type { Engine } from './engine.ts'
import { bareImage } from './image.ts'

const file = '/proc/sys/fs/inotify/max_user_instances'
const enough = 512

/** Hosts that the kernel's default is enough for, with some to spare. */
const few = 12

/**
 * Each host's systemd holds half a dozen inotify instances, and a kernel gives root 128 for all of them together:
 * the twentieth host would stop as it starts. Raised as root at once; as an ordinary user by a container of docker,
 * once a dozen hosts run. Source: inotify(7).
 */
export async function raiseLimits(
  engine: Engine,
  debian: DebianRelease,
  say: (line: string) => void,
): Promise<void> {
  if (present() >= enough) return
  try {
    writeFileSync(file, String(enough))
  } catch {
    if (engine.name === 'docker') await raiseByContainer(engine, debian)
  }
  if (present() >= enough)
    say(`fs.inotify.max_user_instances is ${enough} until the next boot, so that many hosts can run`)
}

/** Infinite where there is no such limit. */
function present(): number {
  try {
    return Number(readFileSync(file, 'utf8'))
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

async function raiseByContainer(engine: Engine, debian: DebianRelease): Promise<void> {
  const running = await engine.try(['ps', '--quiet', '--filter', 'label=capstan.clone'])
  if (running.stdout.trim().split('\n').length < few) return
  const image = await bareImage(engine, debian)
  const raise = ['sh', '-c', `echo ${enough} >${file}`]
  await engine.try(['run', '--rm', '--privileged', '--pull=never', '--network=none', image, ...raise])
}
