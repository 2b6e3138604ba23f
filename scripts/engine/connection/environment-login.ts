import { UsageError } from '../errors.ts'
import { Secret } from '../secret.ts'

/** What a CI runner hands over in the environment, so that no key and no known_hosts has to be a file. */
export interface EnvironmentLogin {
  /** CAPSTAN_SSH_KEY: a private key without a passphrase, offered before all others. */
  readonly key: Secret | undefined
  /** CAPSTAN_KNOWN_HOSTS: the lines of a known_hosts file, read instead of the user's and the machine's. */
  readonly knownHosts: string | undefined
}

let taken: Secret | undefined

/**
 * Takes the key out of the environment, so that no process that is started later inherits it. Throws UsageError
 * where a variable is set and empty, as a secret that nobody made comes out on a runner.
 */
export function environmentLogin(environment: NodeJS.ProcessEnv): EnvironmentLogin {
  takeKey(environment)
  const { CAPSTAN_SSH_KEY: key, CAPSTAN_KNOWN_HOSTS: lines } = environment
  if (key !== undefined) throw missing('CAPSTAN_SSH_KEY', 'the private key of the deploy user')
  if (lines?.trim() === '') throw missing('CAPSTAN_KNOWN_HOSTS', 'the known_hosts lines of the hosts')
  return { key: taken, knownHosts: lines }
}

/** Takes a key that is not empty, for `environmentLogin` to give; a printer that masks secrets is then made after it. */
export function takeKey(environment: NodeJS.ProcessEnv): void {
  const key = environment['CAPSTAN_SSH_KEY']
  if (key === undefined || key.trim() === '') return
  // As they are pasted: without the last newline, or with those of Windows.
  taken = new Secret(`${key.replaceAll('\r', '').trim()}\n`)
  delete environment['CAPSTAN_SSH_KEY']
}

function missing(name: string, what: string): UsageError {
  const secret = name === 'CAPSTAN_SSH_KEY' ? 'SSH_PRIVATE_KEY' : 'KNOWN_HOSTS'
  return new UsageError('login-missing', `${name}: expected ${what}, got nothing`, {
    lines: [
      `The secret ${secret} is missing or empty. From a machine that can log in to the hosts:`,
      '',
      '  npx zx scripts/doctor.mjs -i production --secrets',
      '',
      'prints the secrets to paste into the environment, in Settings → Environments.',
      ...(name === 'CAPSTAN_KNOWN_HOSTS' ? byHand : []),
    ],
    hint: 'No host was contacted: without it, Capstan cannot verify the hosts.',
  })
}

const byHand = [
  '',
  'By hand: `ssh-keyscan -t ed25519 HOST` gives its line; compare it with what the host itself says:',
  '`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` there, and `ssh-keyscan … | ssh-keygen -lf -` here.',
]
