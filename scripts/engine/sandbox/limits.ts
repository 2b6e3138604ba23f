import { readFileSync, writeFileSync } from 'node:fs'

const file = '/proc/sys/fs/inotify/max_user_instances'
const enough = 512

/**
 * Each host's systemd holds half a dozen inotify instances, and a kernel gives root 128 for all of them together:
 * the twentieth host would stop as it starts. Raised where we may; elsewhere nothing is said until it matters.
 * Source: inotify(7).
 */
export function raiseLimits(say: (line: string) => void): void {
  try {
    if (Number(readFileSync(file, 'utf8')) >= enough) return
    writeFileSync(file, String(enough))
    say(`fs.inotify.max_user_instances is ${enough} until the next boot, so that many hosts can run`)
  } catch {
    // Not Linux, not root, or read-only: few hosts need no more than there is.
  }
}
