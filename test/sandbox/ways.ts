import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Connection } from '#engine/connection/connection.ts'
import { connectSsh } from '#engine/connection/ssh.ts'
import type { SshTarget } from '#engine/connection/target.ts'
import { type Dollar, dollar } from '#engine/script/dollar.ts'
import type { CommandEvent } from '#engine/script/dollar-host.ts'
import { Secret } from '#engine/secret.ts'
import { sudoPassword, type WireHost } from './connection-host.ts'

export interface OnHost {
  readonly connection: Connection
  readonly $: Dollar
  readonly told: readonly CommandEvent[]
}

/** Logs in and gives `$` there, as root or as `user`. */
export async function connected(target: SshTarget, user?: string): Promise<OnHost> {
  const told: CommandEvent[] = []
  const connection = await connectSsh(target)
  const start: Connection['start'] = (script, options) => connection.start(script, options)
  const tell = (event: CommandEvent) => void told.push(event)
  return { connection, told, $: dollar({ name: connection.host, start, tell, check: false }, user) }
}

/** How a host is reached, and as whom its commands run. */
export const ways: Readonly<Record<string, (on: WireHost) => Promise<OnHost>>> = {
  root: on => connected(on.target('root')),
  'sudo with a password': on => connected(on.target('asks', { sudoPassword: new Secret(sudoPassword) })),
  'another user': on => connected(on.target('root'), 'free'),
  'a jump host': on => connected(throughJump(on)),
}

function throughJump(on: WireHost): SshTarget {
  const way = `User root\nIdentityFile ${on.host.keyFile}\n`
  const here = `HostName 127.0.0.1\nPort ${on.host.port}\n${way}`
  const inner = `HostName 127.0.0.1\nPort 22\nHostKeyAlias inner\n${way}ProxyJump jump\n`
  const known = on.knownHosts(`inner ${on.hostKey}`, `[127.0.0.1]:${on.host.port} ${on.hostKey}`)
  const configFile = join(on.directory, 'jump')
  writeFileSync(configFile, `Host inner\n${inner}Host jump\n${here}Host *\nUserKnownHostsFile ${known}\n`)
  return { host: 'inner', address: 'inner', configFile, sudo: 'auto' }
}
