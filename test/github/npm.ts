import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { quote } from '#engine/quote.ts'

/** A folder for a runner's PATH. */
export interface NpmFolder {
  readonly folder: string
  remove(): void
}

/**
 * An npm that installs what a lock file says once, and links it into every further workspace that asks for the
 * same, with what is kept in node_modules/.cache: a push of twenty jobs installs and compiles as one does. All else
 * is npm's.
 */
export function npmOnce(): NpmFolder {
  const folder = mkdtempSync(join(tmpdir(), 'capstan-npm-'))
  const npm = execFileSync('sh', ['-c', 'command -v npm']).toString().trim()
  const script = `#!/bin/sh
[ "$1" = ci ] || exec ${quote(npm)} "$@"
kept=${quote(folder)}/$({ echo "$*"; cat package.json package-lock.json; } | sha256sum | cut -c1-16)
if [ ! -d "$kept" ]; then
  ${quote(npm)} "$@" && cp -al node_modules "$kept.$$" && mkdir "$kept.$$.cache" &&
    mv -T "$kept.$$.cache" "$kept.cache" && mv -T "$kept.$$" "$kept" || exit
else
  rm -rf node_modules && cp -al "$kept" node_modules && echo 'linked from an earlier install' || exit
fi
ln -s "$kept.cache" node_modules/.cache
`
  writeFileSync(join(folder, 'npm'), script)
  chmodSync(join(folder, 'npm'), 0o755)
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
