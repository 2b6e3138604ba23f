import type { ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import { userInfo } from 'node:os'
import { start } from '../program.ts'
import type { Secret } from '../secret.ts'
import type { Channel, ChannelEnd } from './channel.ts'
import type { Connection } from './connection.ts'
import { connectShell } from './shell-connection.ts'

export interface LocalTarget {
  readonly host: string
  /** `auto`, the default: by sudo to root where we are not root; `no`: as we are. */
  readonly sudo?: 'no' | 'auto'
  readonly sudoPassword?: Secret | undefined
  /** The shell that plays the login shell; /bin/sh by default. */
  readonly shell?: string
}

/** The machine that Capstan runs on, as a connection: the same shell and the same rules, without ssh. */
export function connectLocal(target: LocalTarget): Promise<Connection> {
  const user = userInfo().username
  const asRoot = target.sudo !== 'no' && process.getuid?.() !== 0
  const sudo = asRoot ? { password: target.sudoPassword } : undefined
  const children = new Set<ChildProcess>()
  let held = true
  const open = async (command: string) =>
    openLocal(command, target.shell ?? '/bin/sh', child => {
      children.add(child)
      child.once('close', () => children.delete(child))
      hold(child, held)
    })
  const keepAlive = (wanted: boolean) => {
    held = wanted
    for (const child of children) hold(child, held)
  }
  return connectShell({ host: target.host, user, sudo }, { open, close: async () => {}, keepAlive })
}

/** Starts `command` in a session of its own, so that a deadline reaches all of it and nothing of ours. */
export function openLocal(
  command: string,
  shell: string,
  onChild: (child: ChildProcess) => void = () => {},
): Channel {
  const child = start(shell, ['-c', command], { detached: true, cwd: '/' })
  onChild(child)
  child.stdin.on('error', () => {})
  let close = () => {}
  const ended = new Promise<ChannelEnd>(resolve => {
    close = () => resolve({ exitCode: null, cause: 'we closed it' })
    child.on('error', error => resolve({ exitCode: null, cause: error.message }))
    child.on('close', (exitCode, signal) => resolve({ exitCode, ...named(signal) }))
    // A background process may hold the outputs open for ever.
    child.on('exit', (exitCode, signal) => {
      setTimeout(resolve, 1000, { exitCode, ...named(signal) }).unref()
    })
  })
  const destroy = () => {
    close()
    child.stdin.destroy()
    child.stdout.destroy()
    child.stderr.destroy()
  }
  return { stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, ended, destroy }
}

function named(signal: string | null): { signal?: string } {
  return signal === null ? {} : { signal: signal.replace(/^SIG/, '') }
}

function hold(child: ChildProcess, held: boolean): void {
  const word = held ? 'ref' : 'unref'
  child[word]()
  for (const pipe of [child.stdin, child.stdout, child.stderr] as unknown as Socket[]) pipe[word]()
}
