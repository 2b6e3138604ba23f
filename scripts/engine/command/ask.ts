import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { Interrupted, UsageError } from '#engine/errors.ts'
import { Secret } from '#engine/secret.ts'

/**
 * The sudo password: from CAPSTAN_SUDO_PASSWORD, or asked for on the terminal with `-K`; else undefined. Throws
 * Interrupted where ^C answers the prompt, UsageError where there is no terminal or ^D answers.
 */
export async function askSudoPassword(
  ask: boolean,
  environment: NodeJS.ProcessEnv,
): Promise<Secret | undefined> {
  const given = environment['CAPSTAN_SUDO_PASSWORD']
  if (given) return new Secret(given)
  if (!ask) return undefined
  if (!process.stdin.isTTY)
    throw new UsageError('usage', '-K: expected a terminal to ask for the sudo password, got none', {
      hint: 'Set CAPSTAN_SUDO_PASSWORD in the environment instead.',
    })
  try {
    return new Secret(await lineTyped('sudo password: ', '-K: expected a password, got nothing'))
  } finally {
    process.stderr.write('\n')
  }
}

/** A value that nobody should see: all of stdin without its last newline, or a line that is typed and not shown. */
export async function typedSecret(prompt: string): Promise<Secret> {
  if (!process.stdin.isTTY) return new Secret((await text(process.stdin)).replace(/\r?\n$/, ''))
  try {
    return new Secret(await lineTyped(prompt, `${prompt}expected a line, got nothing`))
  } finally {
    process.stderr.write('\n')
  }
}

/** The line that is typed on the terminal, which shows none of it. */
function lineTyped(prompt: string, missing: string): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const reader = createInterface({ input: process.stdin, output: silent, terminal: true })
  return new Promise<string>((resolve, reject) => {
    reader.on('SIGINT', () => reject(new Interrupted()))
    reader.on('close', () => reject(new UsageError('usage', missing)))
    reader.question('', resolve)
    // The terminal echoes nothing any more.
    process.stderr.write(prompt)
  }).finally(() => reader.close())
}
