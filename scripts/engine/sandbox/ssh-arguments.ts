import type { SandboxHost } from './host.ts'

/** The arguments of an OpenSSH client that logs in to a sandbox host and to no other. */
export function sshArguments(host: SandboxHost): readonly string[] {
  const settings = {
    IdentitiesOnly: 'yes',
    UserKnownHostsFile: `"${host.knownHostsFile}"`,
    GlobalKnownHostsFile: '/dev/null',
    StrictHostKeyChecking: 'yes',
    LogLevel: 'ERROR',
  }
  const flags = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`])
  return [
    '-F',
    '/dev/null',
    '-i',
    host.keyFile,
    '-p',
    String(host.port),
    ...flags,
    `${host.user}@${host.address}`,
  ]
}
