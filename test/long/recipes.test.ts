import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kept } from '../sandbox/kept.ts'
import { type Machine, machine, root } from '../sandbox/machine.ts'

const folder = join(root, '.capstan/recipes')
const page = readFileSync(join(root, 'docs/scripts.md'), 'utf8')

/** The first script below a heading of docs/scripts.md. */
function recipe(heading: string): string {
  const [, below = ''] = page.split(`### ${heading}\n`)
  return /```js\n([\s\S]*?)```/.exec(below)?.[1] ?? ''
}

const first = /```js\n([\s\S]*?)```/.exec(page)?.[1] ?? ''

interface Ended {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a script of the page with an inventory of three hosts. */
function run(script: string, args: readonly string[] = []): Promise<Ended> {
  const file = join(folder, 'script.mjs')
  writeFileSync(file, script)
  return new Promise(resolve => {
    const child = spawn(process.execPath, [file, '-i', join(folder, 'fleet.yml'), ...args], { cwd: root })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', chunk => (stdout += chunk))
    child.stderr.on('data', chunk => (stderr += chunk))
    child.on('close', exitCode => resolve({ exitCode, stdout, stderr }))
  })
}

async function done(script: string, args?: readonly string[]): Promise<Ended> {
  const ended = await run(script, args)
  if (ended.exitCode !== 0) throw new Error(`${ended.exitCode}\n${ended.stdout}\n${ended.stderr}`)
  return ended
}

describe('The recipes of docs/scripts.md', () => {
  const names = ['web1', 'web2', 'balancer1'] as const
  let hosts: Readonly<Record<(typeof names)[number], Machine>>
  const [web1, web2] = [() => hosts.web1, () => hosts.web2]

  beforeAll(async () => {
    const image = await kept('site', 12)
    const [one, two, balancer] = await Promise.all([
      machine('web1', 12, image),
      machine('web2', 12, image),
      machine('balancer1', 12),
    ])
    hosts = { web1: one, web2: two, balancer1: balancer }
    mkdirSync(folder, { recursive: true })
    const password = 'of-hosts-that-are-kept'
    const inventory = {
      vars: { app: { database: { password } }, mysql: { password, bufferPool: '128m' } },
      hosts: Object.fromEntries(names.map(name => [name, { connection: 'sandbox', debian: 12 }])),
      groups: {
        web: { hosts: ['web1', 'web2'] },
        db: { hosts: ['web1', 'web2'] },
        balancer: { hosts: ['balancer1'] },
      },
    }
    writeFileSync(join(folder, 'fleet.yml'), JSON.stringify(inventory))
  })
  afterAll(() => {
    for (const host of Object.values(hosts ?? {})) host.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('upgrade one host at a time', async () => {
    const { stderr } = await done(first)
    expect(stderr.indexOf('web1  done')).toBeGreaterThan(-1)
    expect(stderr.lastIndexOf('web1  done')).toBeLessThan(stderr.indexOf('web2  done'))
    expect(stderr).toMatch(/web2 +: ok=\d+ .*failed=0/)
  })

  it('with --check run nothing, and say what they would', async () => {
    const { stderr } = await done(first, ['--check', '-l', 'web1'])
    expect(stderr).toContain('would do      apt-get -qy upgrade')
    expect(stderr).not.toContain('web2')
  })

  it('show facts as a table', async () => {
    const { stdout } = await done(recipe('Facts of all hosts as a table'))
    expect(stdout.match(/Debian GNU\/Linux 12/g)).toHaveLength(3)
    expect(stdout).toContain('balancer1')
  })

  it('copy a database through one pipe', async () => {
    const sql = (text: string) => `mariadb -e ${JSON.stringify(text)}`
    const table = 'CREATE OR REPLACE TABLE foobar.greetings (id INT PRIMARY KEY, text TEXT)'
    await web1().say(sql(`${table}; INSERT INTO foobar.greetings VALUES (1, 'a'), (2, 'b')`))
    const { stdout } = await done(recipe('A database from one host into another'))
    expect(stdout.trim()).toBe('2')
    expect(await web2().say('mariadb -BNe "SELECT text FROM foobar.greetings ORDER BY id"')).toBe('a\nb\n')
  })

  it('rotate a secret', async () => {
    const { stdout, stderr } = await done(recipe('Rotate a secret'))
    const token = await web1().say('cat /etc/api-token')
    expect(token).toMatch(/^[\w-]{32}$/)
    expect(await web2().say('cat /etc/api-token; stat -c " %a %G" /etc/api-token')).toBe(
      `${token} 640 www-data\n`,
    )
    expect(stdout + stderr).not.toContain(token)
  })

  it('do something once, then everywhere', async () => {
    await done(recipe('Once, then everywhere'))
    const key = await web1().say('cat /etc/cluster.key')
    expect(key).toMatch(/^[0-9a-f]{64}\n$/)
    expect(await web2().say('cat /etc/cluster.key')).toBe(key)
  })

  it('wait for a service', async () => {
    await done(recipe('Wait for a service'))
    expect(await web1().say('systemctl is-active nginx')).toBe('active\n')
  })

  it('put it back when it fails', async () => {
    const before = await web1().say('sha256sum /etc/nginx/nginx.conf')
    const { stdout } = await done(recipe('Put it back when it fails'))
    expect(stdout).toBe('web1: the file was put back\nweb2: the file was put back\n')
    expect(await web1().say('sha256sum /etc/nginx/nginx.conf')).toBe(before)
  })

  it('drain, converge and undrain, around the hosts that differ alone', async () => {
    await hosts.balancer1.say(balancer, 300)
    await web2().say('echo "# edited" >>/etc/nginx/nginx.conf')
    const { stdout } = await done(recipe('Drain, converge, undrain'))
    expect(stdout).toMatch(/web2 +: ok=\d+ changed=1 /)
    expect(stdout).toMatch(/web1 +: ok=\d+ changed=0 .*trips=2 /)
    expect(
      await hosts.balancer1.say("echo 'show servers state' | socat - /run/haproxy/admin.sock"),
    ).toContain('web2')
    expect(stdout).toMatch(
      /set server web\/web2 state drain[\s\S]*changed[\s\S]*set server web\/web2 state ready/,
    )
    expect(stdout).not.toContain('web/web1')
  })

  it('set up a scheduled job', async () => {
    await done(recipe('A scheduled job'))
    expect(await web1().say('systemctl is-enabled trim.timer; systemctl is-active trim.timer')).toBe(
      'enabled\nactive\n',
    )
  })
})

const balancer = `
DEBIAN_FRONTEND=noninteractive
export DEBIAN_FRONTEND
install="apt-get -qq --no-install-recommends -y install haproxy socat"
$install >/dev/null 2>&1 || { apt-get -qq update && $install >/dev/null; }
cat >/etc/haproxy/haproxy.cfg <<'E'
global
  stats socket /run/haproxy/admin.sock mode 600 level admin
defaults
  mode tcp
  timeout connect 5s
  timeout client 5s
  timeout server 5s
backend web
  server web1 192.0.2.1:443
  server web2 192.0.2.2:443
E
systemctl restart haproxy
until [ -S /run/haproxy/admin.sock ]; do sleep 0.1; done
`
