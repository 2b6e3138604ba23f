import { createConnection } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { lastLines } from '#engine/program.ts'
import { CapstanError } from '../errors.ts'
import type { Engine } from './engine.ts'
import { containerName } from './plan.ts'

/** Whether an ssh server greets on this port of 127.0.0.1, within `milliseconds`. */
export function answersSsh(port: number, milliseconds: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = createConnection({ host: '127.0.0.1', port })
    const settle = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(milliseconds, () => settle(false))
    socket.once('data', greeting => settle(greeting.toString().startsWith('SSH-')))
    socket.once('error', () => settle(false))
    socket.once('close', () => settle(false))
  })
}

/**
 * Waits until the host's systemd has booted (a failed unit is no hindrance) and its sshd greets. Throws
 * CapstanError with the last lines of the container's log when that takes longer than a minute. A host that was
 * shutting down when it was found is started by `start`, once; absent: it is an error that it stopped.
 */
export async function waitUntilReady(
  engine: Engine,
  root: string,
  host: string,
  port: number,
  start?: () => Promise<void>,
): Promise<void> {
  let restart = start
  const name = containerName(root, host)
  const end = Date.now() + patience
  let look = Date.now() + lookEach
  for (let turn = 0; Date.now() < end; turn++) {
    if (await answersSsh(port, 2000)) {
      const inside = ['exec', name, 'systemctl', 'is-system-running', '--wait']
      const said = (await engine.try(inside, { deadline: 20 })).stdout.trim()
      if (said === 'running' || said === 'degraded') return
    } else if (Date.now() >= look) {
      const state = await stateOf(engine, name)
      // Podman says `stopped` until it has cleaned up.
      if (restart && (state === 'exited' || state === 'stopped')) {
        await restart()
        restart = undefined
      } else if (state !== 'running' && !(restart && state === 'stopping'))
        throw await neverReady(engine, name, host, `is ${state}`)
      look = Date.now() + lookEach
    }
    await sleep(pauseAfter(turn))
  }
  throw await neverReady(engine, name, host, `did not greet on 127.0.0.1:${port} in ${patience / 1000} s`)
}

const patience = 60_000

/**
 * Milliseconds until the host is asked again. Its own firewall takes 60 connections a minute to port 22 from one address, also
 * those that come before sshd, and then none for a minute.
 */
export function pauseAfter(turn: number): number {
  return Math.min(2000, 50 * 1.15 ** turn)
}

// The engine's word costs as much as a tenth of the boot, and sshd greets within half a second as a rule.
const lookEach = 1000

async function stateOf(engine: Engine, container: string): Promise<string> {
  const args = ['inspect', '--type', 'container', '--format', '{{.State.Status}}', container]
  return (await engine.try(args)).stdout.trim()
}

async function neverReady(engine: Engine, name: string, host: string, how: string): Promise<CapstanError> {
  const log = await engine.try(['logs', '--tail', '15', name])
  const journal = await engine.try(['exec', name, 'journalctl', '--no-pager', '-n', '15'], {
    deadline: 20,
  })
  return new CapstanError('sandbox-not-ready', `sandbox ${host}: its container ${how}`, {
    lines: lastLines(`${log.stdout}${log.stderr}${journal.stdout}`, 30),
    hint: `\`sandbox.mjs down ${host}\` removes it; the next \`up\` creates it again.`,
  })
}
