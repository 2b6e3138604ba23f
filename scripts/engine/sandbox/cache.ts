import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where the clones of this user share images and packages: `$XDG_CACHE_HOME/capstan`, else `~/.cache/capstan`. */
export function cacheDirectory(): string {
  const base = process.env['XDG_CACHE_HOME']
  return join(base?.startsWith('/') ? base : join(homedir(), '.cache'), 'capstan')
}
