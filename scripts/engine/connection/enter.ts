import { randomBytes } from 'node:crypto'
import { type CapstanError, ConnectionLost, HostError } from '../errors.ts'
import type { Secret } from '../secret.ts'
import type { Channel, ChannelEnd, OpenChannel } from './channel.ts'
import { cleanShell, cleanSudo, type HostShell } from './preamble.ts'
import { refusals } from './refusals.ts'

/** Who logs in where, and how the channel becomes root. */
export interface Login {
  readonly host: string
  readonly user: string
  /** Absent: the channel stays the login's user. Without a password sudo must not ask for one. */
  readonly sudo?: { readonly password?: Secret | undefined } | undefined
}

/**
 * Opens a channel whose command is a shell (sh by default) with `body`, in a clean environment and as root where the login asks for
 * sudo. Without a password nothing is waited for: the first script can follow at once. `body` goes by argv, in single quotes:
 * it holds none itself, and no secret. Throws HostError when sudo asks twice.
 */
export async function enter(
  open: OpenChannel,
  body: string,
  login: Login,
  shell: HostShell = 'sh',
): Promise<Channel> {
  if (login.sudo === undefined) return open(`exec ${cleanShell(body, shell)}`)
  const { password } = login.sudo
  if (password === undefined) return open(`exec ${cleanSudo} -n -- ${cleanShell(body, shell)}`)
  const [prompt, ready] = [word(), word()]
  const asked = cleanShell(`printf ${ready} >&2; ${body}`, shell)
  const channel = await open(`exec ${cleanSudo} -S -p ${prompt} -- ${asked}`)
  try {
    await answerPrompt(channel, { login, prompt, ready, password })
    return channel
  } catch (error) {
    channel.destroy()
    throw error
  }
}

/** The error of a channel that ended before our shell said a word: what the login shell or sudo objects to. */
export function refused(login: Login, end: ChannelEnd, said: string): CapstanError {
  const { host, user } = login
  const lines = said
    .split('\n')
    .filter(line => line.trim() !== '')
    .slice(-6)
  const known = refusals.find(refusal => refusal.said.test(said))
  if (known !== undefined)
    return new HostError(known.code, `${host}: ${known.message(user)}`, { hint: known.hint, lines })
  if (end.exitCode === null && end.signal === undefined) {
    const message = `${host}: ${end.cause ?? 'the connection was closed'} before a script started`
    return new ConnectionLost('connection-lost', message, { lines })
  }
  const how = end.exitCode === null ? `was ended by SIG${end.signal}` : `exited with ${end.exitCode}`
  return new HostError('no-shell', `${host}: the login shell of ${user} ${how} before it ran a command`, {
    hint: `See what \`ssh -T\` as ${user} with the command \`true\` prints: the user needs a login shell, and /bin/sh.`,
    lines,
  })
}

interface Dialogue {
  readonly login: Login
  readonly prompt: string
  readonly ready: string
  readonly password: Secret
}

const promptDeadline = 30_000

async function answerPrompt(channel: Channel, dialogue: Dialogue): Promise<void> {
  const { login, prompt, ready, password } = dialogue
  let said = ''
  let answered = false
  let stop = () => {}
  const answer = new Promise<void>((resolve, reject) => {
    const onData = (chunk: Buffer) => {
      said += chunk.toString('latin1')
      if (said.includes(ready)) {
        // What the shell said after that is for who comes next.
        channel.stderr.pause()
        const rest = said.slice(said.indexOf(ready) + ready.length)
        if (rest !== '') channel.stderr.unshift(Buffer.from(rest, 'latin1'))
        return resolve()
      }
      if (!said.includes(prompt)) return
      said = said.replace(prompt, '')
      if (answered) return reject(wrongPassword(login))
      answered = true
      channel.stdin.write(`${password.reveal()}\n`)
    }
    const timer = setTimeout(() => reject(silent(login)), promptDeadline)
    stop = () => {
      clearTimeout(timer)
      channel.stderr.off('data', onData)
    }
    channel.stderr.on('data', onData)
    void channel.ended.then(end => reject(refused(login, end, said)))
  })
  return answer.finally(stop)
}

function wrongPassword({ host, user }: Login): HostError {
  return new HostError('sudo-password-wrong', `${host}: sudo refused the password of ${user}`, {
    hint: 'Run again with -K and enter the password of that user on that host.',
  })
}

function silent({ host }: Login): HostError {
  return new HostError('sudo-silent', `${host}: sudo said nothing within ${promptDeadline / 1000} s`)
}

function word(): string {
  return randomBytes(16).toString('hex')
}
