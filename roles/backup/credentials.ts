import { Secret } from '#engine/secret.ts'
import type { BackupVars } from './vars.ts'

/** What capstan-backup reads on stdin: a line for each credential, its value in base64. */
export function credentials({ password, environment, ssh }: BackupVars): Secret {
  const all: readonly (readonly [string, Secret])[] = [
    ...(password ? [['RESTIC_PASSWORD', password] as const] : []),
    ...Object.entries(environment),
    ...(ssh.key ? [['SSH_KEY', ssh.key] as const] : []),
  ]
  return new Secret(all.map(([name, value]) => `${name} ${base64(value).reveal()}\n`).join(''))
}

function base64(value: Secret): Secret {
  return new Secret(Buffer.from(value.reveal()).toString('base64'))
}
