import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { UsageError } from '#engine/errors.ts'
import { Secret } from '#engine/secret.ts'

/** The sudo password: from CAPSTAN_SUDO_PASSWORD, or asked for on the terminal with `-K`; else undefined. */
export async function askSudoPassword(
  ask: boolean,
  environment: NodeJS.ProcessEnv,
): Promise<Secret | undefined> {
  const given = environment['CAPSTAN_SUDO_PASSWORD']
  if (given) return new Secret(given)
  if (!ask) return undefined
  if (!process.stdin.isTTY)
    throw new UsageError('usage', '-K: there is no terminal to ask for the sudo password on', {
      hint: 'Give it in the environment as CAPSTAN_SUDO_PASSWORD.',
    })
  process.stderr.write('sudo password: ')
  // What is typed is read by a readline whose own output goes nowhere.
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const reader = createInterface({ input: process.stdin, output: silent, terminal: true })
  try {
    return new Secret(await reader.question(''))
  } finally {
    reader.close()
    process.stderr.write('\n')
  }
}
