import { execFile, spawn } from 'node:child_process'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { inventoryCommand } from '#engine/command/inventory.ts'
import { exitCodeOf } from '#engine/command/main.ts'
import { project } from '../inventory/project.ts'

const files = {
  'roles/nginx/role.ts': '',
  'roles/mysql/role.ts': '',
  'inventory/sandbox.yml': 'hosts:\n  box: { connection: sandbox }\n',
  'inventory/production.yml': `vars:
  mysql: { password: !secret DB_PASSWORD, user: !env DB_USER, root_password: hunter22 }
hosts:
  web1: { address: 8.8.8.8, user: deploy, port: 2222 }
  web2: { vars: { nginx: { names: [a.com, b.com], limits: {} } } }
  here: { connection: local }
groups:
  web: { hosts: [web2], groups: [blue] }
  blue: { hosts: [web1] }
`,
}

/** What the command says, what it complains of, and its exit code. */
async function run(...args: readonly string[]) {
  const said: string[] = []
  const complaints: string[] = []
  const to = (all: string[]) => ({ write: (text: string) => all.push(text) > 0 })
  const input = { args, root: project(files), environment: {}, stdout: to(said) }
  const code = await exitCodeOf(inventoryCommand, input, to(complaints))
  return { code, said: said.join('').replace(/\n$/, ''), complaints: complaints.join('') }
}

describe('What it says', () => {
  test('list: each host, how it is reached, its groups.', async () => {
    const { code, said } = await run('list', '-i', 'production')
    expect(said.split('\n')).toStrictEqual([
      'web1  ssh deploy@8.8.8.8 port 2222  web, blue',
      'web2  ssh web2                      web',
      'here  this machine',
    ])
    expect(code).toBe(0)
  })

  test('list with a pattern; the sandbox unless told.', async () => {
    expect((await run('list', 'web:!blue', '-i', 'production')).said).toBe('web2  ssh web2  web')
    expect((await run('list')).said).toBe('box  sandbox, Debian 12')
  })

  test('graph: groups within groups, their own hosts below.', async () => {
    const { said } = await run('graph', '-i', 'production')
    expect(said.split('\n')).toStrictEqual([
      '@all',
      '  @web',
      '    @blue',
      '      web1',
      '    web2',
      '  here',
    ])
  })

  test('vars: each with its line, secrets hidden, without looking one up.', async () => {
    const { said } = await run('vars', 'web2', '-i', 'production', '-e', 'nginx.port=80')
    expect(said.split('\n')).toStrictEqual([
      'web2',
      '  mysql.password       *** (!secret DB_PASSWORD)  inventory/production.yml:2',
      '  mysql.user           !env DB_USER               inventory/production.yml:2',
      '  mysql.root_password  ***                        inventory/production.yml:2',
      '  nginx.names.0        a.com                      inventory/production.yml:5',
      '  nginx.names.1        b.com                      inventory/production.yml:5',
      '  nginx.limits         {}                         inventory/production.yml:5',
      '  nginx.port           80                         -e nginx.port',
    ])
  })

  test('--json says the same to programs.', async () => {
    const list = JSON.parse((await run('list', '--json')).said)
    expect(list).toStrictEqual([{ name: 'box', groups: [], connection: { kind: 'sandbox', debian: 12 } }])
    const graph = JSON.parse((await run('graph', '--json', '-i', 'production')).said)
    expect(graph.web).toStrictEqual({ name: 'web', hosts: ['web1', 'web2'], groups: ['blue'], depth: 1 })
    const { said } = await run('vars', 'web1', '--json', '-i', 'production')
    expect(JSON.parse(said).web1[0]).toStrictEqual({
      path: 'mysql.password',
      value: '*** (!secret DB_PASSWORD)',
      from: 'inventory/production.yml:2',
    })
    expect(said).not.toContain('hunter22')
  })

  test('--help and no words at all print the help.', async () => {
    for (const args of [['--help'], ['-h'], [], ['vars', '--help']]) {
      const { code, said } = await run(...args)
      expect(said).toContain('Examples:\n  npx zx scripts/inventory.mjs list')
      expect(code).toBe(0)
    }
  })
})

describe('What it refuses, with exit code 2', () => {
  const refusals: readonly [readonly string[], string][] = [
    [['lst'], 'expected list, graph or vars, got lst; did you mean list?'],
    [['list', 'a', 'b'], 'expected one pattern, got 2; join terms with a comma'],
    [['graph', 'web'], 'graph shows all groups and takes no pattern, got web'],
    [['vars'], 'vars: expected a host or a pattern of hosts'],
    [['list', '--jsn'], "Unknown option '--jsn'"],
    [['list', '-i'], "Option '-i, --inventory <value>' argument missing"],
    [['list', '--json=1'], "Option '--json' does not take an argument"],
    [['list', 'bx'], '"bx" is not a host or group of inventory/sandbox.yml'],
    [['list', '-i', 'prod'], 'did you mean production?'],
    [['list', '-e', 'ngnix.a=1'], '-e ngnix.a: no role is named ngnix; did you mean nginx?'],
  ]
  test.each(refusals)('%j', async (args, message) => {
    const { code, said, complaints } = await run(...args)
    expect(complaints).toContain(message)
    expect([code, said]).toStrictEqual([2, ''])
  })
})

describe('As a person runs it', () => {
  const root = resolve(import.meta.dirname, '../..')
  const zx = join(root, 'node_modules/zx/build/cli.js')
  const ways: readonly [string, readonly string[]][] = [
    ['node', ['scripts/inventory.mjs']],
    ['zx', [zx, 'scripts/inventory.mjs']],
    ['zx with an absolute path', [zx, join(root, 'scripts/inventory.mjs')]],
  ]
  test.each(ways)('%s gives it its words and its exit code.', async (_title, before) => {
    const args = [...before, 'lst', '--inventory', 'sandbox']
    const { code, stderr } = await new Promise<{ code: unknown; stderr: string }>(done =>
      execFile(process.execPath, args, { cwd: root }, (error, _stdout, stderr) =>
        done({ code: error?.code, stderr }),
      ),
    )
    expect(stderr).toContain('expected list, graph or vars, got lst')
    expect(code).toBe(2)
  })
})

test('A reader that goes away is no error.', async () => {
  const script = resolve(import.meta.dirname, '../../scripts/inventory.mjs')
  const child = spawn(process.execPath, [script, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  const complaints = text(child.stderr)
  expect(await new Promise(resolve => child.on('close', resolve))).toBe(0)
  expect(await complaints).toBe('')
})
