import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { containerName, networkName } from '#engine/sandbox/plan.ts'
import { harvest, type SandboxHost, sandboxDown, sandboxStatus, sandboxUp } from '#engine/sandbox/sandbox.ts'
import { sshArguments } from '#engine/sandbox/ssh-arguments.ts'
import { readState } from '#engine/sandbox/state.ts'
import { itInFull, some } from './cases.ts'

// Sandboxes of their own, in folders of their own: the clone's, and the hosts other tests use, are not touched.
const clone = mkdtempSync(join(tmpdir(), 'capstan sandbox-'))
const other = mkdtempSync(join(tmpdir(), 'capstan-other-'))
const requests = [
  { name: 'old', debian: 12 },
  { name: 'new', debian: 13 },
] as const
const said: string[] = []
const say = (line: string) => said.push(line)

let hosts: readonly SandboxHost[]
let engineName: string

beforeAll(async () => {
  hosts = await sandboxUp(requests, { root: clone, say })
  engineName = readState(clone)?.engine ?? ''
})

afterAll(async () => {
  for (const root of [clone, other]) {
    await sandboxDown({ root, say })
    rmSync(root, { recursive: true, force: true })
  }
})

test.each([
  [0, '12'],
  [1, '13'],
])(
  'host %i of two that came up together is a Debian %s with systemd and nothing failed',
  (index, version) => {
    expect(run(index, 'cat /etc/debian_version')).toMatch(new RegExp(`^${version}\\.`))
    expect(run(index, 'cat /proc/1/comm')).toBe('systemd')
    expect(run(index, 'systemctl is-system-running; systemctl --failed --no-legend')).toBe('running')
    expect(run(index, 'hostname')).toBe(requests[index]?.name)
  },
)

test.each([0, 1])('host %i is bare: no web server, no key of the image, its machine-id its own', index => {
  expect(run(index, 'ls /etc/ssh/*_key')).toBe('/etc/ssh/ssh_host_ed25519_key')
  expect(run(index, 'ls /usr/sbin/policy-rc.d /usr/sbin/nginx /usr/bin/php 2>&1 | grep -c "No such"')).toBe(
    '3',
  )
  expect(run(0, 'cat /etc/machine-id')).not.toBe(run(1, 'cat /etc/machine-id'))
})

test.each([0, 1])('host %i allows mount namespaces, the sandboxing of units, and a firewall', index => {
  expect(run(index, 'unshare -m true && echo yes')).toBe('yes')
  const unit = 'systemd-run -q --wait -P -p DynamicUser=yes -p ProtectSystem=strict -p ProtectHome=yes'
  expect(run(index, `${unit} sh -c 'touch /usr/x 2>&1; ls /root 2>&1 || true'`)).toMatch(
    /Read-only file system.*Permission denied/s,
  )
})

test.each(some([0, 1], 1))(
  'host %i reaches the archive, and what it fetched no host fetches again',
  async index => {
    const host = hosts[index]
    if (host === undefined) throw new Error('no host')
    run(index, 'apt-get update -qq; apt-get install -y --no-install-recommends tree 2>&1; tree --version')
    run(index, 'nft add table inet probe && nft list tables | grep -q probe')
    harvest({ root: clone })
    const [twin] = await sandboxUp([{ name: 'twin', debian: host.debian }], { root: other, say })
    if (twin === undefined) throw new Error('no twin')
    expect(ssh(twin, 'apt-get update -qq; apt-get install -y --no-install-recommends tree 2>&1')).toContain(
      'Need to get 0 B/',
    )
    await sandboxDown({ root: other, say })
  },
)

test('its ports lead to it from 127.0.0.1 alone, and hosts know each other by name', () => {
  const [one, two] = hosts
  expect(run(0, 'getent hosts new')).toContain(two?.ip)
  expect(run(1, 'getent hosts old')).toContain(one?.ip)
  const published = engine('port', containerName(clone, 'old'))
  expect(published.split('\n')).toHaveLength(5)
  expect(published).toContain(`53/udp -> 127.0.0.1:${one?.ports.dns}`)
  expect(published).not.toMatch(/-> (?!127\.0\.0\.1:)/)
})

test('another host key is refused', () => {
  const [host] = hosts
  if (host === undefined) throw new Error('no host')
  const forged = join(clone, 'forged')
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', forged])
  const [type, key] = readFileSync(`${forged}.pub`, 'utf8').split(' ')
  writeFileSync(join(clone, 'known'), `[127.0.0.1]:${host.port} ${type} ${key}\n`)
  const args = sshArguments({ ...host, knownHostsFile: join(clone, 'known') })
  const refused = spawnSync('ssh', [...args, 'true'], { encoding: 'utf8' })
  expect(refused.status).toBe(255)
  expect(refused.stderr).toContain('REMOTE HOST IDENTIFICATION HAS CHANGED')
})

test('an up of hosts that run says and changes nothing', async () => {
  const before = engine('inspect', '--format', '{{.Id}} {{.State.StartedAt}}', containerName(clone, 'old'))
  said.length = 0
  expect(await sandboxUp(requests, { root: clone, say })).toEqual(hosts)
  expect(said).toEqual([])
  expect(engine('inspect', '--format', '{{.Id}} {{.State.StartedAt}}', containerName(clone, 'old'))).toBe(
    before,
  )
})

test('a host that was stopped is started, and what was on it is still there', async () => {
  run(0, 'echo kept >/root/note; echo own-key >>/root/.ssh/authorized_keys')
  engine('stop', '--time', '5', containerName(clone, 'old'))
  expect(await states()).toEqual({ new: 'running', old: 'stopped' })
  expect(await sandboxUp(requests, { root: clone, say })).toEqual(hosts)
  expect(run(0, 'cat /root/note; tail -1 /root/.ssh/authorized_keys')).toBe('kept\nown-key')
})

itInFull('a host that is on its way down when it is brought up is started', async () => {
  run(0, 'systemctl stop ssh.socket 2>/dev/null; systemctl stop ssh')
  const up = sandboxUp(requests, { root: clone, say })
  engine('exec', containerName(clone, 'old'), 'sh', '-c', 'sleep 2; systemctl poweroff')
  expect(await up).toEqual(hosts)
  expect(run(0, 'cat /root/note')).toBe('kept')
})

// As after a power cut. Docker notices it; podman's memory of what runs may outlive its processes.
itInFull('a host whose processes are gone, unseen by the engine or not, comes back', async () => {
  const isSeen = engineName === 'docker'
  if (isSeen) engine('kill', containerName(clone, 'new'))
  else await killUnseen(containerName(clone, 'new'))
  expect(await states()).toEqual({ new: isSeen ? 'stopped' : 'lost', old: 'running' })
  said.length = 0
  expect(await sandboxUp(requests, { root: clone, say })).toEqual(hosts)
  expect(said.includes('new went down with this machine and is created again')).toBe(!isSeen)
  expect(run(1, 'hostname')).toBe('new')
})

async function killUnseen(container: string): Promise<void> {
  const pids = engine('inspect', '--format', '{{.State.ConmonPid}} {{.State.Pid}}', container).split(' ')
  for (const pid of pids) process.kill(Number(pid), 'SIGKILL')
  await vi.waitUntil(() => !existsSync(`/proc/${pids.at(-1)}/exe`))
}

test('a host with another Debian than the one asked for is refused with the next step', async () => {
  const asked = sandboxUp([{ name: 'old', debian: 13 }], { root: clone, say })
  await expect(asked).rejects.toMatchObject({
    exitCode: 2,
    message: 'sandbox old: expected Debian 13, got Debian 12',
    hint: expect.stringContaining('down old'),
  })
  expect(await states()).toEqual({ new: 'running', old: 'running' })
})

itInFull('hosts whose sandbox folder was deleted are taken over with new keys', async () => {
  rmSync(join(clone, '.capstan'), { recursive: true })
  hosts = await sandboxUp(requests, { root: clone, say })
  expect(run(0, 'cat /root/note')).toBe('kept')
  expect(run(1, 'hostname')).toBe('new')
})

itInFull('two ups at once make one host, and both give it', async () => {
  const request = [{ name: 'raced', debian: 12 }] as const
  const both = await Promise.all([1, 2].map(() => sandboxUp(request, { root: other, say })))
  expect(both[0]).toEqual(both[1])
  expect(engine('ps', '-aq', '--filter', `label=capstan.clone=${other}`).split('\n')).toHaveLength(1)
})

test("a clone's down leaves nothing of its own and touches nothing of another's", async () => {
  await sandboxDown({ root: other, say })
  expect(left(other)).toEqual({ containers: '', networks: '', folder: false })
  expect(await states()).toEqual({ new: 'running', old: 'running' })
})

itInFull(
  'a host comes back from down and up with its address and ports, and with nothing on it',
  async () => {
    const before = hosts
    await sandboxDown({ root: clone, say })
    expect(left(clone)).toEqual({ containers: '', networks: '', folder: false })
    hosts = await sandboxUp(requests, { root: clone, say })
    expect(hosts).toEqual(before)
    expect(run(0, 'ls /root')).toBe('')
  },
)

test('down of an unknown name is refused with the names there are', async () => {
  await expect(sandboxDown({ root: clone, say, names: ['db1'] })).rejects.toThrow(
    'sandbox: no host db1; it has new, old',
  )
})

const kills = [
  ['before', 'cp'],
  ['after', 'network create'],
  ['after', 'create'],
  ['before', 'start'],
  ['after', 'start'],
] as const
itInFull.each(kills)(
  'an up that is killed %s %s of the engine is taken further by the next',
  async (when, verb) => {
    await sandboxDown({ root: clone, say })
    await killedUp(when, verb)
    const [before, ...others] = hosts
    const [again] = await sandboxUp([requests[0]], { root: clone, say })
    // Where a host of another test took one of its ports while it was down, the second try has the new ones to keep.
    hosts = again ? [again, ...others] : hosts
    expect(again).toEqual(before)
    expect(run(0, 'hostname; systemctl is-system-running')).toBe('old\nrunning')
  },
)

function run(index: number, script: string): string {
  const host = hosts[index]
  if (host === undefined) throw new Error(`no host ${index}`)
  return ssh(host, script)
}

function ssh(host: SandboxHost, script: string): string {
  return execFileSync('ssh', [...sshArguments(host), script], { encoding: 'utf8', stdio: 'pipe' }).trim()
}

function engine(...args: readonly string[]): string {
  return execFileSync(engineName, args, { encoding: 'utf8', stdio: 'pipe' }).trim()
}

function left(root: string) {
  return {
    containers: engine('ps', '-a', '-q', '--filter', `label=capstan.clone=${root}`),
    networks: engine('network', 'ls', '-q', '--filter', `name=${networkName(root)}`),
    folder: existsSync(join(root, '.capstan', 'sandbox')),
  }
}

async function states(): Promise<Record<string, string>> {
  const status = await sandboxStatus({ root: clone, say })
  return Object.fromEntries(status.map(host => [host.name, host.state]))
}

/** An `up` in a process group of its own, which gets SIGKILL before or after the engine is first run with `verb`. */
async function killedUp(when: string, verb: string): Promise<void> {
  const tools = mkdtempSync(join(tmpdir(), 'capstan-tools-'))
  const shot = `case "\${words#--runtime runc }" in '${verb} '*) kill -9 "-$GROUP" ;; esac`
  const order = when === 'before' ? [shot, '"$real" "$@"'] : ['"$real" "$@"', shot]
  const real = execFileSync('sh', ['-c', `command -v ${engineName}`], { encoding: 'utf8' }).trim()
  writeFileSync(
    join(tools, engineName),
    ['#!/bin/sh', `real=${real}`, 'words="$*"', ...order, ''].join('\n'),
    {
      mode: 0o755,
    },
  )
  const scripts = join(import.meta.dirname, '..', '..', 'scripts')
  const script = `
    process.env.GROUP = process.pid
    const { require } = await import(${JSON.stringify(join(scripts, 'typescript.mjs'))})
    const { sandboxUp } = require('./engine/sandbox/sandbox.ts')
    await sandboxUp(${JSON.stringify([requests[0]])}, { root: ${JSON.stringify(clone)}, say: () => {} })`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    detached: true,
    stdio: 'ignore',
    env: { ...process.env, PATH: `${tools}:${process.env['PATH']}` },
  })
  const signal = await new Promise(resolve => child.on('close', (_, ended) => resolve(ended)))
  rmSync(tools, { recursive: true })
  expect(signal).toBe('SIGKILL')
}
