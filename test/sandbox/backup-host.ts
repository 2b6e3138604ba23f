import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './machine.ts'

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** scripts/*.mjs with an inventory of these hosts, run as a person runs them. */
export function backupScripts(
  hosts: Readonly<Record<string, 12 | 13>>,
  vars: Readonly<Record<string, unknown>>,
) {
  const folder = mkdtempSync(join(tmpdir(), 'capstan-backup-'))
  const inventory = join(folder, 'site.yml')
  const write = (given: object) => {
    const named = Object.entries(hosts).map(([name, debian]) => [name, { connection: 'sandbox', debian }])
    writeFileSync(inventory, JSON.stringify({ vars: given, hosts: Object.fromEntries(named) }))
  }
  write(vars)
  return {
    folder,
    /** Other vars from now on. */
    write,
    run: (script: string, ...args: readonly string[]) =>
      new Promise<Ended>(resolve => {
        const child = spawn(process.execPath, [`scripts/${script}.mjs`, '-i', inventory, ...args], {
          cwd: root,
          stdio: ['ignore', 'pipe', 'pipe'],
        })
        let [out, err] = ['', '']
        child.stdout.on('data', chunk => {
          out += chunk
        })
        child.stderr.on('data', chunk => {
          err += chunk
        })
        child.on('close', code => resolve({ code, out, err }))
      }),
    remove: () => rmSync(folder, { recursive: true }),
  }
}

/** A key pair for a login: the private key, the public one. */
export function sshKey(folder: string): readonly [string, string] {
  const file = join(folder, 'key')
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'backup', '-f', file])
  const read = (name: string) => execFileSync('cat', [name]).toString()
  return [read(file), read(`${file}.pub`).trim()]
}
