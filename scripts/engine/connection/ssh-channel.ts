import type { ClientChannel } from 'ssh2'
import { ConnectionLost, HostError } from '../errors.ts'
import type { Channel, ChannelEnd } from './channel.ts'
import type { Lifeline } from './lifeline.ts'

const pauses = [100, 400, 1500]

/**
 * Opens a channel with `command` for the login shell. One that sshd refuses at once (MaxSessions) is asked for
 * again for two seconds; then HostError. Throws ConnectionLost where the connection ends first.
 */
export async function openSshChannel(host: string, lifeline: Lifeline, command: string): Promise<Channel> {
  for (let turn = 0; ; turn++) {
    const stream = await Promise.race([exec(lifeline, command), lifeline.lost])
    if (typeof stream === 'string') throw lost(host, stream)
    if (!(stream instanceof Error)) return channelOf(stream, lifeline)
    const pause = /open failure/i.test(stream.message) ? pauses[turn] : undefined
    if (pause === undefined) {
      const cause = await Promise.race([lifeline.lost, new Promise<void>(resolve => setImmediate(resolve))])
      throw cause === undefined ? noChannel(host, stream) : lost(host, cause)
    }
    await new Promise(resolve => setTimeout(resolve, pause))
  }
}

function exec(lifeline: Lifeline, command: string): Promise<ClientChannel | Error> {
  return new Promise(resolve => {
    try {
      lifeline.client.exec(command, (error, stream) => resolve(error ?? stream))
    } catch (error) {
      resolve(error as Error)
    }
  })
}

const drain = 1000

function channelOf(stream: ClientChannel, lifeline: Lifeline): Channel {
  stream.on('error', () => {})
  stream.stderr.on('error', () => {})
  const ended = new Promise<ChannelEnd>(resolve => {
    let end: ChannelEnd = { exitCode: null, cause: 'the channel was closed' }
    stream.on('exit', (code: number | null, signal?: string) => {
      end = code === null ? { exitCode: null, signal: signal?.replace(/^SIG/, '') } : { exitCode: code }
      // A background process may hold the outputs open for ever.
      setTimeout(() => resolve(end), drain).unref()
    })
    stream.on('close', () => resolve(end))
    void lifeline.lost.then(cause => resolve({ ...end, cause }))
  })
  return { stdin: stream, stdout: stream, stderr: stream.stderr, ended, destroy: () => stream.close() }
}

function lost(host: string, cause: string): ConnectionLost {
  return new ConnectionLost('connection-lost', `${host}: connection lost: ${cause}`)
}

function noChannel(host: string, cause: Error): HostError {
  return new HostError('no-channel', `${host}: sshd opens no further session: ${cause.message}`, {
    hint: "Raise MaxSessions in the host's sshd_config to its default of 10; Capstan uses two or three.",
    cause,
  })
}
