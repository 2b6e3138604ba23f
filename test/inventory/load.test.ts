import { chmodSync, chownSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Secret } from '#engine/secret.ts'
import { load, project, refusal } from './project.ts'

const site = 'inventory/site.yml'

async function refused(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const root = project(files)
  return refusal(() => load(root))
}

describe('Which vars win', () => {
  const inventory = `
vars: { nginx: { where: vars } }
hosts:
  web1: { vars: { nginx: { where: host } } }
groups:
  site: { groups: [web, blue], vars: { nginx: { where: site } } }
  blue: { hosts: [web1], vars: { nginx: { where: blue } } }
  web: { hosts: [web1], vars: { nginx: { where: web } } }
`
  // From the strongest to the weakest: without the first, the next one wins, and so on.
  const layers: readonly [string, string, string, string][] = [
    ['-e', '', '', 'extra'],
    ['host_vars', 'inventory/host_vars/web1.yml', '', 'host_vars'],
    ['the host itself', site, 'where: host', 'host'],
    ['group_vars of the last group by name', 'inventory/group_vars/web.yml', '', 'group_vars/web'],
    ['the last group by name', site, 'where: web', 'web'],
    ['group_vars of the group before it', 'inventory/group_vars/blue.yaml', '', 'group_vars/blue'],
    ['the group before it', site, 'where: blue', 'blue'],
    ['group_vars of the group above', 'inventory/group_vars/site.yml', '', 'group_vars/site'],
    ['the group above', site, 'where: site', 'site'],
    ['group_vars/all', 'inventory/group_vars/all.yml', '', 'group_vars/all'],
    ['vars', site, 'where: vars', 'vars'],
  ]

  test.each(layers.map(([title], i) => [title, i] as const))(
    '%s, where nothing above it speaks.',
    async (_title, first) => {
      const files: Record<string, string> = { [site]: inventory }
      for (const [, file, , value] of layers.slice(first)) {
        if (file !== site && file !== '') files[file] = `nginx: { where: ${value} }\n`
      }
      for (const [, file, inline] of layers.slice(0, first)) {
        if (file === site) files[site] = files[site]?.replace(`{ ${inline} }`, '{}') ?? ''
      }
      const { hosts } = await load(project(files), { extraVars: first === 0 ? ['nginx.where=extra'] : [] })
      expect(hosts[0]?.vars).toStrictEqual({ nginx: { where: layers[first]?.[3] } })
    },
  )

  test('Depth counts before the name: a group inside another wins over it.', async () => {
    const text = `
hosts: { h: }
groups:
  z: { groups: [m], vars: { nginx: { a: z, b: z, c: z } } }
  m: { groups: [a], vars: { nginx: { a: m, b: m } } }
  a: { hosts: [h], vars: { nginx: { a: a } } }
`
    const { hosts } = await load(project({ [site]: text }))
    expect(hosts[0]?.vars).toStrictEqual({ nginx: { a: 'a', b: 'm', c: 'z' } })
    expect(hosts[0]?.groups).toStrictEqual(['z', 'm', 'a'])
  })

  test('The last -e wins over the ones before it, a file among them.', async () => {
    const root = project({ [site]: 'hosts: { h: }\n', 'more.yml': 'nginx: { a: 2, b: 2 }\n' })
    const extraVars = ['nginx.a=1', `@${join(root, 'more.yml')}`, 'nginx.b=[3, "x=y"]', 'site.domain=a.com']
    const { hosts } = await load(root, { extraVars })
    expect(hosts[0]?.vars).toStrictEqual({ nginx: { a: 2, b: [3, 'x=y'] }, site: { domain: 'a.com' } })
  })
})

describe('Where a var comes from', () => {
  test('Each leaf has its file, line and path; an absent one the place where it would stand.', async () => {
    const root = project({
      [site]: 'vars:\n  mysql: {}\nhosts:\n  web1:\n    vars:\n      nginx:\n        list: [a, b]\n  web2:\n',
      'inventory/group_vars/all.yml': '# all\n\nnginx:\n  port: 80\n',
    })
    const { hosts } = await load(root, { extraVars: ['nginx.cli=1'] })
    const [web1, web2] = hosts
    expect(web1?.origin(['nginx', 'port'])).toBe('inventory/group_vars/all.yml:4: nginx.port')
    expect(web1?.origin(['nginx', 'list', '1'])).toBe('inventory/site.yml:7: hosts.web1.vars.nginx.list.1')
    expect(web1?.line(['nginx', 'list', '1'])).toBe('inventory/site.yml:7')
    expect(web1?.origin(['nginx', 'cli'])).toBe('-e nginx.cli')
    expect(web1?.origin(['mysql', 'password'])).toBe('inventory/site.yml:2: vars.mysql.password')
    expect(web2?.origin(['site', 'domain'])).toBe('inventory/site.yml:8: hosts.web2.vars.site.domain')
  })
})

describe('Hosts', () => {
  test('Each kind of connection has its settings, with the defaults of its kind.', async () => {
    const text = `
hosts:
  bare:
  web1: { address: 8.8.8.8, user: deploy, port: 2222, key: keys/id, known_hosts: ~/known, host_key_alias: web, config: /etc/ssh_config, sudo: false }
  here: { connection: local, sudo: true }
  box: { connection: sandbox }
  box13: { connection: sandbox, debian: 13 }
  six: { address: ::1 }
  env: { address: !env WEB_ADDRESS }
`
    const root = project({ [site]: text })
    const { hosts } = await load(root, { environment: { WEB_ADDRESS: 'web.internal' } })
    const unset = {
      user: undefined,
      port: undefined,
      key: undefined,
      knownHosts: undefined,
      config: undefined,
      hostKeyAlias: undefined,
      sudo: undefined,
    }
    expect(hosts.map(host => host.connection)).toStrictEqual([
      { kind: 'ssh', ...unset, address: 'bare' },
      {
        kind: 'ssh',
        address: '8.8.8.8',
        user: 'deploy',
        port: 2222,
        key: join(root, 'keys/id'),
        knownHosts: join(homedir(), 'known'),
        config: '/etc/ssh_config',
        hostKeyAlias: 'web',
        sudo: false,
      },
      { kind: 'local', sudo: true },
      { kind: 'sandbox', debian: 12 },
      { kind: 'sandbox', debian: 13 },
      { kind: 'ssh', ...unset, address: '::1' },
      { kind: 'ssh', ...unset, address: 'web.internal' },
    ])
  })

  test('Groups hold the hosts of the groups in them, in the order of the inventory.', async () => {
    const text = 'hosts: { b: , a: , c: }\ngroups: { x: { hosts: [c], groups: [y] }, y: { hosts: [a, b] } }\n'
    const { groups, file, name } = await load(project({ [site]: text }))
    expect([name, file]).toStrictEqual(['site', site])
    expect([...groups.values()]).toStrictEqual([
      { name: 'all', hosts: ['b', 'a', 'c'], groups: ['x'], depth: 0 },
      { name: 'x', hosts: ['b', 'a', 'c'], groups: ['y'], depth: 1 },
      { name: 'y', hosts: ['b', 'a'], groups: [], depth: 2 },
    ])
  })

  test('An inventory anywhere is read by its path, with the var files beside it.', async () => {
    const root = project({
      'elsewhere/x.yaml': 'hosts: { h: }\n',
      'elsewhere/host_vars/h.yml': 'nginx: { a: 1 }\n',
    })
    const { file, hosts } = await load(root, { inventory: join(root, 'elsewhere/x.yaml') })
    expect([file, hosts[0]?.vars]).toStrictEqual(['elsewhere/x.yaml', { nginx: { a: 1 } }])
  })
})

describe('References', () => {
  const text = `vars:
  mysql: { password: !secret DB_PASSWORD, host: !env DB_HOST }
hosts:
  h: { connection: sandbox }
`

  test('The environment wins over .env, and a secret is a Secret.', async () => {
    const root = project({ [site]: text, '.env': "DB_PASSWORD='from .env'\nDB_HOST=db.env\n" })
    const { hosts } = await load(root, { environment: { DB_HOST: 'db.process' } })
    const { password, host } = (hosts[0]?.vars['mysql'] ?? {}) as { password?: Secret; host?: string }
    expect(password?.reveal()).toBe('from .env')
    expect(host).toBe('db.process')
    expect(process.env['DB_PASSWORD']).toBeUndefined()
  })

  test('A missing one is told with its line, once for all the hosts it is for; an empty secret is missing.', async () => {
    const root = project({ [site]: `${text}  h2: { connection: sandbox }\n` })
    expect(await refusal(() => load(root, { environment: { DB_PASSWORD: '' } }))).toStrictEqual([
      'inventory/site.yml:2: vars.mysql.host: expected the value of DB_HOST from the environment or .env (.env.example shows how), which has none',
      'inventory/site.yml:2: vars.mysql.password: expected the value of DB_PASSWORD from the environment or .env (.env.example shows how), which is empty',
    ])
  })

  test('One that another layer replaces is not looked up.', async () => {
    const root = project({ [site]: text, 'inventory/host_vars/h.yml': 'mysql: { password: x, host: y }\n' })
    expect((await load(root)).hosts[0]?.vars).toStrictEqual({ mysql: { password: 'x', host: 'y' } })
  })

  test('A generated secret is the same for every host and in every run, and is not for real servers.', async () => {
    const generated =
      'vars: { mysql: { password: !generated DB } }\nhosts:\n  a: { connection: sandbox }\n  b: { connection: sandbox }\n'
    const root = project({ [site]: generated })
    const runs = [await load(root), await load(root)]
    const values = runs.flatMap(({ hosts }) =>
      hosts.map(host => (host.vars['mysql'] as { password: Secret }).password),
    )
    expect(values.every(value => value instanceof Secret)).toBe(true)
    expect(new Set(values.map(value => value.reveal())).size).toBe(1)
    expect(values[0]?.reveal()).toMatch(/^[\w-]{32}$/)

    writeFileSync(join(root, site), `${generated}  c: { address: 8.8.8.8 }\n`)
    expect(await refusal(() => load(root))).toStrictEqual([
      'inventory/site.yml:1: vars.mysql.password: !generated is for sandbox hosts; expected !secret NAME, from the environment',
    ])
  })

  test('Unresolved on request: nothing is looked up, and nothing need be there.', async () => {
    const root = project({ [site]: text })
    expect((await load(root, { resolve: false })).hosts[0]?.vars).toStrictEqual({
      mysql: { password: undefined, host: undefined },
    })
  })
})

describe('What is refused', () => {
  test('All that is wrong in all files is told at once, in the order of files and lines.', async () => {
    const found = await refused({
      [site]: `vars:
  ngnix: { port: 1 }
hosts:
  web1: { adress: 8.8.8.8, user: -oProxyCommand=x, port: 99999 }
  web2: { connection: sandbox, user: x }
  "we b": {}
  web10: { connection: docker, vars: { site: [] } }
groups:
  web: { hosts: [web1, wbe2], groups: [a, nope], host: [web1] }
  a: { groups: [web] }
  web1: {}
  all: {}
  list: { hosts: web1 }
host: {}
`,
      'inventory/group_vars/webb.yml': 'nginx: {}\n',
      'inventory/host_vars/web1.yml': 'nginx: 80\nsiite: {}\n',
    })
    expect(found).toStrictEqual([
      'inventory/group_vars/webb.yml: no group of the inventories in its folder has this name; did you mean web?',
      'inventory/host_vars/web1.yml:1: nginx: expected a map, got one value',
      'inventory/host_vars/web1.yml:2: siite: no role is named siite; did you mean site?',
      'inventory/site.yml:2: vars.ngnix: no role is named ngnix; did you mean nginx?',
      'inventory/site.yml:4: hosts.web1.adress: unknown key; did you mean address?',
      'inventory/site.yml:4: hosts.web1.port: expected 1–65535, got 99999',
      'inventory/site.yml:4: hosts.web1.user: expected a login name, got "-oProxyCommand=x"',
      'inventory/site.yml:5: hosts.web2.user: a host with connection sandbox has no user',
      'inventory/site.yml:6: hosts.we b: expected a name of letters, digits, ., _ and -, got "we b"',
      'inventory/site.yml:7: hosts.web10.connection: expected ssh or local or sandbox, got "docker"',
      'inventory/site.yml:7: hosts.web10.vars.site: expected a map, got a list',
      'inventory/site.yml:9: groups.web.groups.1: nope is no group; known: web, a, web1, all, list',
      'inventory/site.yml:9: groups.web.host: unknown key; did you mean hosts?',
      'inventory/site.yml:9: groups.web.hosts.1: wbe2 is no host; did you mean web2?',
      'inventory/site.yml:10: groups.a: the group is inside itself: a → web → a',
      'inventory/site.yml:11: groups.web1: web1 is a host as well; a pattern could mean either',
      'inventory/site.yml:12: groups.all: the group of every host is always there; its vars stand under vars',
      'inventory/site.yml:13: groups.list.hosts: expected a list of names, as in [web1, web2]',
      'inventory/site.yml:14: host: unknown key; did you mean hosts?',
    ])
  })

  const cases: readonly [string, string, string][] = [
    ['An empty file', '', 'inventory/site.yml:1: hosts: expected at least one host, got none'],
    ['A list', '- a\n', 'inventory/site.yml:1: expected a map, got a list'],
    [
      'A host that is called all',
      'hosts: { all: }\n',
      'inventory/site.yml:1: hosts.all: all is the group of every host and names no host',
    ],
    [
      'A group that is itself',
      'hosts: { h: }\ngroups: { g: { groups: [g] } }\n',
      'inventory/site.yml:2: groups.g: the group is inside itself: g → g',
    ],
    [
      'A setting from an unset variable',
      'hosts: { h: { address: !env NOWHERE } }\n',
      'inventory/site.yml:1: hosts.h.address: expected the value of NOWHERE from the environment or .env (.env.example shows how), which has none',
    ],
    [
      'A secret as an address',
      'hosts: { h: { address: !secret PATH } }\n',
      'inventory/site.yml:1: hosts.h.address: expected a host name or an IP address, got a secret',
    ],
  ]
  test.each(cases)('%s.', async (_title, text, message) => {
    const root = project({ [site]: text })
    expect(await refusal(() => load(root, { environment: { PATH: '/bin:/usr' } }))).toContain(message)
  })

  const extras: readonly [string, string][] = [
    ['nginx', '-e nginx: expected <role>.<key>=<value> or @file.yml'],
    ['nginx=1', '-e nginx: expected <role>.<key>=<value> or @file.yml'],
    ['=1', '-e : expected <role>.<key>=<value> or @file.yml'],
    ['nginx.a b=hunter22', '-e nginx.a b: expected <role>.<key>=<value> or @file.yml'],
    ['nginx.__proto__.x=1', '-e nginx.__proto__.x: expected <role>.<key>=<value> or @file.yml'],
    ['ngnix.port=1', '-e ngnix.port: no role is named ngnix; did you mean nginx?'],
    ['nginx.a={__proto__: 1}', "-e nginx.a: __proto__ can't be a key"],
    ['nginx.a=[1', '-e nginx.a: Flow sequence must end with a ]'],
    ['@/nowhere/x.yml', '/nowhere/x.yml: expected a file, but there is none'],
  ]
  test.each(extras)('-e %s', async (extra, message) => {
    const root = project({ [site]: 'hosts: { h: }\n' })
    expect((await refusal(() => load(root, { extraVars: [extra] })))[0]).toBe(message)
  })

  test('A name that is no inventory, with the ones there are.', async () => {
    const root = project({ [site]: 'hosts: { h: }\n', 'inventory/production.yml': '' })
    expect(await refusal(() => load(root, { inventory: 'prod' }))).toStrictEqual([
      '-i prod: expected the file inventory/prod.yml, which is not there; did you mean production?',
    ])
  })

  test('Var files of another inventory’s group are left alone, those of no group are not.', async () => {
    const files = {
      [site]: 'hosts: { h: }\n',
      'inventory/other.yml': 'hosts: { h2: }\ngroups: { web: {} }\n',
      'inventory/group_vars/web.yml': 'nginx: { a: 1 }\n',
      'inventory/host_vars/h2.yml': 'nginx: { a: 1 }\n',
    }
    expect((await load(project(files))).hosts[0]?.vars).toStrictEqual({})
    expect(await refused({ ...files, 'inventory/host_vars/h3.yml': '' })).toStrictEqual([
      'inventory/host_vars/h3.yml: no host of the inventories in its folder has this name; known: h, h2',
    ])
  })

  test('Two var files of one name.', async () => {
    const found = await refused({
      [site]: 'hosts: { h: }\n',
      'inventory/host_vars/h.yml': '',
      'inventory/host_vars/h.yaml': '',
    })
    expect(found).toStrictEqual(['host_vars/h.yaml: there is also a .yml file with that name'])
  })

  test('A file that anyone may write.', async () => {
    const root = project({ [site]: 'hosts: { h: }\n', 'inventory/host_vars/h.yml': 'nginx: {}\n' })
    chmodSync(join(root, 'inventory/host_vars/h.yml'), 0o666)
    expect(await refusal(() => load(root))).toStrictEqual([
      'inventory/host_vars/h.yml: any user of this machine can write to it',
    ])
  })

  test.skipIf(process.getuid?.() !== 0)(
    'A file of another user (as root: only root can give a file away).',
    async () => {
      const root = project({ [site]: 'hosts: { h: }\n' })
      chownSync(join(root, site), 12_345, 12_345)
      expect(await refusal(() => load(root))).toStrictEqual([
        'inventory/site.yml: expected a file of your own, got one of user 12345',
      ])
    },
  )
})
