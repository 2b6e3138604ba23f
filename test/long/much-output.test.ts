import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { liveRelease, scripts, source } from '../sandbox/deploy-app.ts'
import { kept } from '../sandbox/kept.ts'
import { type Machine, machine } from '../sandbox/machine.ts'
import { runHere } from '../sandbox/site.ts'
import { ask } from '../sandbox/web-request.ts'

// A migration that prints more than anybody keeps: what it costs here and on the host, and what is told of it.
let host: Machine
let count = 0

beforeAll(async () => {
  host = await machine('output12', 12, await kept('site', 12))
  const set = await runHere({ hosts: host, args: ['-t', 'nginx,app'] })
  expect(set.exitCode, set.stdout.slice(-3000)).toBe(0)
})
afterAll(() => host?.close())

const shapes = {
  '1 GB in lines': 'yes 0123456789012345678901234567890123456789012345678 | head -c 1000000000',
  'one line of 200 MB': "head -c 200000000 /dev/zero | tr '\\0' x",
  '200 MB of bytes at random': 'head -c 200000000 /dev/urandom',
}
const limit = { app: { release: { migrateTimeout: '20m', health: { timeout: '10s' } } } }

/** Deploys a release whose migration prints so and exits with `code`. `peak`: MiB of the controller at its most. */
async function deploy(printing: string, code: number, text: boolean) {
  const from = source({
    'n.txt': `${count++}`,
    'deploy/migrate*': `#!/bin/sh\necho at first; ${printing}; echo; echo at last; exit ${code}\n`,
  })
  const run = scripts(host).startDeploy(from, { vars: limit, text, seconds: 1500 })
  let peak = 0
  const look = setInterval(() => {
    peak = Math.max(peak, peakOf(run.child.pid ?? 0))
  }, 100)
  const ended = await run.done
  clearInterval(look)
  from.remove()
  return { ...ended, peak }
}

/** MiB; 0 where the process is gone. Source: proc(5), VmHWM of /proc/pid/status. */
function peakOf(pid: number): number {
  try {
    return Number(/^VmHWM:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}

const live = () => liveRelease(host)
const page = async () =>
  (await ask({ port: host.host.ports.https, url: 'https://www.foobar.com/' })).body.trim()
const log = '$(ls -td /var/lib/capstan/runs/*-foobar-* | head -n 1)/log'

it.each(Object.entries(shapes))(
  '%s is told by its head and tail, and costs little',
  async (shape, printing) => {
    const before = await live().catch(() => '')
    const { exitCode, stdout, peak, lines } = await deploy(printing, 0, false)
    process.stderr.write(`${shape}: the controller had ${peak.toFixed(0)} MiB at most\n`)
    expect(exitCode, stdout.slice(-3000)).toBe(0)
    expect(await live()).not.toBe(before)
    expect(await page()).toBe(`ok ${await live()}`)
    expect(lines.find(line => line.event === 'release')).toMatchObject({ outcome: 'live' })
    expect(peak).toBeLessThan(150)
    expect(peak).toBeGreaterThan(20)
    expect(stdout.length).toBeLessThan(2_000_000)
    expect(Number(await host.say(`stat -c %s ${log}`))).toBeLessThan(600_000)
    expect(await host.say(`grep -ac -e '^at first$' -e '^at last$' -e 'bytes are left out' ${log}`)).toBe(
      '3\n',
    )
  },
)

it.each(Object.entries(shapes))(
  '%s of a migration that fails is told at the terminal',
  async (shape, printing) => {
    const before = await live()
    const { exitCode, stdout, peak } = await deploy(printing, 7, true)
    process.stderr.write(
      `${shape}: the controller had ${peak.toFixed(0)} MiB at most, and printed ${stdout.length} bytes\n`,
    )
    expect(exitCode).toBe(1)
    expect(await live()).toBe(before)
    expect(await page()).toBe(`ok ${before}`)
    expect(stdout).toContain('migrate failed')
    expect(stdout).toContain('at last')
    expect(stdout).toContain('The site is unchanged')
    expect(stdout.length).toBeLessThan(50_000)
    expect(peak).toBeLessThan(150)
    expect(Number(await host.say(`stat -c %s ${log}`))).toBeLessThan(600_000)
  },
)
