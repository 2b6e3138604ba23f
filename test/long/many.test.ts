import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sandboxDown } from '#engine/sandbox/sandbox.ts'
import { type Call, declare } from '../sandbox/declared.ts'
import { type Machine, machine, root } from '../sandbox/machine.ts'
import { fileServer } from './file-server.ts'

const count = 500
const each = (call: (number: number) => Call): readonly Call[] =>
  Array.from({ length: count }, (_, index) => call(index))

const bytes = (number: number) => `the bytes of ${number}\n`
const sha256 = (number: number) => createHash('sha256').update(bytes(number)).digest('hex')
// Type, length and 32 bytes. Source: RFC 8709.
const publicKey = () =>
  `ssh-ed25519 ${Buffer.concat([Buffer.from('0000000b7373682d65643235353139', 'hex'), Buffer.from([0, 0, 0, 32]), randomBytes(32)]).toString('base64')}`
const publicKeys = Array.from({ length: count }, publicKey)

const before = `mkdir -p /srv/many /srv/mounts; : >/srv/lines; : >/srv/blocks; printf '[all]\\n' >/srv/many.ini; touch /etc/fstab
mkdir -p /srv/http; for n in $(seq 0 ${count - 1}); do echo "the bytes of $n" >/srv/http/$n; done
${fileServer('/srv/http', 8124)}
useradd --create-home deploy; apt-get -qq update && apt-get -qq install -y cron sudo git >/dev/null 2>&1
cd /srv && git init -q repository && cd repository && echo x >file && git add . && git -c user.name=t -c user.email=t@example.com commit -qm x
tar -C /srv/repository -czf /srv/http/archive.tar.gz file; sha256sum </srv/http/archive.tar.gz | cut -d' ' -f1; git rev-parse HEAD`

interface Made {
  readonly archive: string
  readonly commit: string
}

// A kind that a host has once is not here: hostname, timezone, swap, firewall. Nor are those of packages: apt asks for all in one.
const kinds: Readonly<Record<string, (made: Made) => readonly Call[]>> = {
  file: () => each(n => ['file', `/srv/many/file-${n}`, { content: `${n}\n` }]),
  directory: () => each(n => ['directory', `/srv/many/directory-${n}`]),
  link: () => each(n => ['link', `/srv/many/link-${n}`, `file-${n}`]),
  tree: () => each(n => ['tree', `/srv/many/tree-${n}`, 'files/tree']),
  download: () =>
    each(n => [
      'download',
      `/srv/many/download-${n}`,
      { url: `http://127.0.0.1:8124/${n}`, sha256: sha256(n) },
    ]),
  archive: ({ archive }) =>
    each(n => [
      'archive',
      `/srv/many/archive-${n}`,
      { url: 'http://127.0.0.1:8124/archive.tar.gz', sha256: archive },
    ]),
  git: ({ commit }) =>
    each(n => ['git', `/srv/many/git-${n}`, { repository: 'file:///srv/repository', commit }]),
  lineInFile: () => each(n => ['lineInFile', '/srv/lines', `line ${n}`]),
  block: () => each(n => ['block', '/srv/blocks', `block ${n}`, `text ${n}\n`]),
  setting: () => each(n => ['setting', '/srv/many.ini', ['all', `key${n}`], `value ${n}`]),
  command: () => each(n => ['command', ['touch', `/srv/many/made-${n}`], { creates: `/srv/many/made-${n}` }]),
  script: () =>
    each(n => [
      'script',
      'files/note.sh',
      { args: ['a', 'b'], environment: { NOTE: `/tmp/note-${n}` }, creates: `/tmp/note-${n}` },
    ]),
  user: () => each(n => ['user', `user-${n}`, { system: true }]),
  group: () => each(n => ['group', `group-${n}`, { system: true }]),
  authorizedKey: () => each(n => ['authorizedKey', 'deploy', publicKeys[n]]),
  sudoers: () => each(n => ['sudoers', `rule-${n}`, { user: 'deploy', commands: [`/usr/bin/printf ${n}`] }]),
  cron: () => each(n => ['cron', `job-${n}`, { at: '0 4 1 1 *', command: `echo ${n}` }]),
  timer: () => each(n => ['timer', `timer-${n}`, { at: '*-01-01', command: ['/bin/echo', String(n)] }]),
  sysctl: () => each(n => ['sysctl', `net.ipv4.neigh.many${n}.mcast_solicit`, 3]),
  'kernelModule.blocked': () => each(n => ['kernelModule.blocked', `many-${n}`]),
  hosts: () => each(n => ['hosts', `name-${n}.internal`, { address: '10.0.0.5' }]),
  mount: () =>
    each(n => ['mount', `/srv/mounts/${n}`, { device: 'tmpfs', type: 'tmpfs', options: 'size=64k' }]),
}

describe.each([12, 13] as const)(`${count} resources of a kind on Debian %i`, debian => {
  let host: Machine
  let made: Made
  beforeAll(async () => {
    host = await machine(`many${debian}`, debian)
    const [archive = '', commit = ''] = (await host.say(before, 600)).trim().split('\n').slice(-2)
    made = { archive, commit }
  })
  afterAll(async () => {
    host?.close()
    await sandboxDown({ root, say: () => {}, names: [`many${debian}`] })
  })

  it.each(Object.keys(kinds))('%s: made, and found the next time in two trips', async name => {
    const calls = kinds[name]?.(made) ?? []
    const folders = name === 'mount' ? each(n => ['directory', `/srv/mounts/${n}`]) : []
    const first = await declare(host, [...folders, ...calls])
    expect(first.exitCode, first.stdout.slice(-3000) + first.stderr).toBe(0)
    const again = await declare(host, [...folders, ...calls])
    expect(again.recap()).toMatchObject({ changed: 0, failed: 0, trips: 2 })
    expect(again.recap().ok).toBeGreaterThanOrEqual(count)
    const [apply, probe] = [first, again].map(run => run.recap().seconds.toFixed(1))
    process.stderr.write(`Debian ${debian}, ${count} × ${name}: made in ${apply} s, found in ${probe} s\n`)
  })
})
