import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { kept } from './kept.ts'
import { type Machine, machine, root } from './machine.ts'

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
function sshKey(folder: string): readonly [string, string] {
  const file = join(folder, 'key')
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'backup', '-f', file])
  const read = (name: string) => execFileSync('cat', [name]).toString()
  return [read(file), read(`${file}.pub`).trim()]
}

/** A host with the site, and the host that it is backed up to by sftp. */
export interface BackupPair {
  readonly web: Machine
  readonly store: Machine
  /** Other vars of the role backup from now on; without any, those that work. */
  write(more?: object): void
  run(script: string, ...args: readonly string[]): Promise<Ended>
  /** Expects exit code 0. */
  done(script: string, ...args: readonly string[]): Promise<Ended>
  /** Expects exit code 1 and this message. */
  refused(message: RegExp, script: string, ...args: readonly string[]): Promise<void>
  remove(): void
}

/** Sets both up; `others` are further hosts of the inventory. */
export async function backupPair(
  name: string,
  storeName: string,
  others: readonly string[] = [],
): Promise<BackupPair> {
  const names = [name, storeName, ...others]
  const scripts = backupScripts(Object.fromEntries(names.map(each => [each, 12])), {})
  const { run } = scripts
  const [key, publicKey] = sshKey(scripts.folder)
  const web = await machine(name, 12, await kept('site', 12))
  const store = await machine(storeName, 12)
  await store.say(`useradd -m keeper; mkdir -m 700 ~keeper/.ssh; echo '${publicKey}' >~keeper/.ssh/authorized_keys
    chown -R keeper ~keeper; mkdir /srv/backup; chown keeper /srv/backup`)
  const hostKey = (await store.say('cut -d" " -f1,2 /etc/ssh/ssh_host_ed25519_key.pub')).trim()
  const backup = {
    repository: `sftp://keeper@${store.host.ip}//srv/backup`,
    password: 'the key of the backups',
    ssh: { key, hostKeys: [hostKey] },
  }
  const site = { database: { password: 'of-hosts-that-are-kept' } }
  const write = (more: object = {}) =>
    scripts.write({ site, mysql: { bufferPool: '128m', binaryLogs: 2 }, backup: { ...backup, ...more } })
  const done = async (script: string, ...args: readonly string[]) => {
    const ended = await run(script, ...args)
    expect(ended.code, `${script} ${args.join(' ')}\n${ended.out}${ended.err}`).toBe(0)
    return ended
  }
  write()
  await done('site', '-l', name)
  return {
    ...{ web, store, write, run, done, remove: scripts.remove },
    async refused(message, script, ...args) {
      const ended = await run(script, ...args)
      expect(ended.code, ended.out + ended.err).toBe(1)
      expect(ended.err).toMatch(message)
    },
  }
}
