import { expect, test } from 'vitest'
import type { Role } from '#engine/converge/role.ts'
import { assignRoles } from '#engine/run/plays.ts'
import { packaged } from '#engine/run/project.ts'
import { Secret } from '#engine/secret.ts'
import { list, port, secret, text, type Vars, vars } from '#engine/vars.ts'
import dns from '#roles/dns/role.ts'
import site from '#roles/site.ts'
import tls from '#roles/tls/role.ts'
import { load, project, refusal } from '../inventory/project.ts'

const nginx = vars(
  {
    port: port({ default: 443 }),
    names: list(text(), { default: ({ site }) => [site.domain, ...site.www] }),
  },
  { ofSite: ['names'] },
)
const mysql = vars({ password: secret() }, { ofSite: ['password'] })

function role(name: string, schema: Vars<unknown>): Role {
  return { name, directory: `roles/${name}`, vars: schema, declare: () => {} }
}

const plays = [{ hosts: 'all', roles: [role('nginx', nginx), role('mysql', mysql)] }]

async function assign(text: string) {
  const root = project({ 'inventory/site.yml': text })
  const inventory = await load(root, { environment: { DB: 'hunter22' } })
  return assignRoles(inventory, inventory.hosts, plays, site)
}

test('A host has its site and the vars of each of its roles, defaults filled in.', async () => {
  const text = 'vars: { site: { domain: a.com }, mysql: { password: !secret DB } }\nhosts: { web1: }\n'
  const [web1] = await assign(text)
  expect(web1?.sites[0]?.www).toStrictEqual(['www.a.com'])
  expect(web1?.roles.map(({ vars }) => vars)).toStrictEqual([
    [{ port: 443, names: ['a.com', 'www.a.com'] }],
    [{ password: expect.any(Secret) }],
  ])
})

test('Every wrong value of every host is told at once, with the line it was written at.', async () => {
  const text = `vars:
  mysql:
    password: !secret DB
hosts:
  web1:
    vars:
      nginx:
        port: 22a
        prot: 22
  web2:
    vars: { mysql: { password: null }, nginx: { names: [ok, "a\\nb"] } }
  web3: { vars: { site: { domain: "a.com; id" } } }
`
  expect(await refusal(() => assign(text))).toStrictEqual([
    'inventory/site.yml:8: hosts.web1.vars.nginx.port: expected 1–65535, got "22a"',
    'inventory/site.yml:9: hosts.web1.vars.nginx.prot: unknown key; did you mean port?',
    'inventory/site.yml:11: hosts.web2.vars.nginx.names.1: expected one line of text, got "a\\nb"',
    'inventory/site.yml:11: hosts.web2.vars.mysql.password: expected a secret of one line and at least 4 characters, got null',
    'inventory/site.yml:12: hosts.web3.vars.site.domain: expected a domain name such as www.foobar.com, got "a.com; id"',
  ])
})

test('A required var that nobody wrote is told at the host that misses it.', async () => {
  const text = 'hosts:\n  web1:\n  web2: { vars: { mysql: { password: !secret DB } } }\n'
  expect(await refusal(() => assign(text))).toStrictEqual([
    'inventory/site.yml:2: hosts.web1.vars.mysql.password: expected a secret of one line and at least 4 characters, got nothing',
  ])
})

test('A host has several sites, each with the vars of the roles for it over those of the host.', async () => {
  const [web1] = await assign(`vars:
  site: { email: ops@a.com, runtime: node }
  mysql: { password: !secret DB }
  sites:
    shop: { domain: shop.com, nginx: { names: [one, two] } }
    blog: { domain: blog.com, runtime: static, database: { user: writer } }
hosts:
  web1: { vars: { nginx: { port: 8443 }, sites: { blog: { www: [] } } } }
`)
  expect(web1?.sites).toMatchObject([
    { app: 'shop', domain: 'shop.com', www: ['www.shop.com'], runtime: 'node', email: 'ops@a.com' },
    {
      app: 'blog',
      domain: 'blog.com',
      www: [],
      runtime: 'static',
      database: { name: 'blog', user: 'writer' },
    },
  ])
  expect(web1?.roles[0]?.vars).toStrictEqual([
    { port: 8443, names: ['one', 'two'] },
    { port: 8443, names: ['blog.com'] },
  ])
})

test('What is wrong in one of several sites is reported where it was written.', async () => {
  const text = `vars:
  site:
    domain: a.com
  mysql: { password: !secret DB }
  nginx: { names: 5 }
  sites:
    shop:
      domian: shop.com
    news:
      domain: www.foobar.com
      nginx: { port: 8443, nmaes: [a] }
    Blog: { domain: blog.com, nginx: { names: [a] } }
    rest: { domain: rest.com }
    docs: { domain: foobar.com, nginx: { names: [a] }, ngnix: {} }
hosts: { web1: }
`
  expect(await refusal(() => assign(text))).toStrictEqual([
    'inventory/site.yml:3: vars.site.domain: a host with sites has domain in each of them; what stands under site is for all of them',
    'inventory/site.yml:8: vars.sites.shop.domian: a site has no domian; did you mean domain?',
    'inventory/site.yml:7: vars.sites.shop: expected its domain, got none',
    'inventory/site.yml:12: vars.sites.Blog: expected a name of at most 32 small letters, digits, _ or -, a letter first, got "Blog"',
    'inventory/site.yml:14: vars.sites.docs.ngnix: a site has no ngnix; did you mean nginx?',
    'inventory/site.yml:14: vars.sites.docs: the name www.foobar.com is news’s already',
    'inventory/site.yml:11: vars.sites.news.nginx.port: nginx.port is of the whole host: it stands in the vars of the host, not of a site',
    'inventory/site.yml:5: vars.nginx.names: expected a list, each one line of text, got 5',
    'inventory/site.yml:11: vars.sites.news.nginx.nmaes: unknown key; did you mean names?',
  ])
})

test('A host with sites has at least one.', async () => {
  expect(await refusal(() => assign('vars: { sites: {} }\nhosts: { web1: }\n'))).toStrictEqual([
    'inventory/site.yml:1: vars.sites: expected at least one site, got none',
  ])
})

test('A wildcard name is refused where it can be no name of the site, with the line it was written at.', async () => {
  const text =
    "hosts:\n  web1: { vars: { site: { domain: a.com, www: ['*.a.com', '*.b.com', 'x.*.a.com'] } } }\n"
  expect(await refusal(() => assign(text))).toStrictEqual([
    'inventory/site.yml:2: hosts.web1.vars.site.www.2: expected a domain name such as www.foobar.com, got "x.*.a.com"',
  ])
  expect(await refusal(() => assign(text.replace(", 'x.*.a.com'", '')))).toStrictEqual([
    'inventory/site.yml:2: hosts.web1.vars.site.www.0: *.a.com: expected a name without * first, since all others redirect to it',
    'inventory/site.yml:2: hosts.web1.vars.site.www.1: *.b.com: expected a wildcard below a.com',
  ])
})

test.each([
  ['of one site', "site: { domain: a.com, www: [www.a.com, '*.a.com'] }", 'site.www'],
  [
    'of several sites',
    "sites: { b: { domain: b.com }, a: { domain: a.com, www: [www.a.com, '*.a.com'] } }",
    'sites.a.www',
  ],
])('A wildcard name %s is refused on a host that is not its name server.', async (_, vars, path) => {
  const text = `hosts:\n  web1:\n    vars: { tls: { source: acme }, ${vars} }\n`
  const inventory = await load(project({ 'inventory/site.yml': text }), { roles: ['dns', 'tls'] })
  const order = (...all: readonly Role[]) => {
    const play = { hosts: 'all', roles: [tls] }
    return assignRoles(inventory, inventory.hosts, [play], site, [{ hosts: 'all', roles: all }])
  }
  expect(await refusal(async () => order(tls))).toStrictEqual([
    expect.stringMatching(
      new RegExp(
        `^inventory/site\\.yml:3: hosts\\.web1\\.vars\\.${path}: a certificate for \\*\\.a\\.com is ordered by DNS-01, which needs`,
      ),
    ),
  ])
  // Limited to tls, a run has no play with dns, and the host has it all the same.
  expect(order(dns, tls)).toHaveLength(1)
})

test('A role of a package is refused without a role that it requires.', async () => {
  const shop = packaged({
    name: 'shop',
    url: import.meta.url,
    tasks: () => {},
    requires: ({ sites }) =>
      sites.map(({ site }) => ({ role: 'mysql', site, key: 'domain', why: 'a shop has a database' })),
  })
  const inventory = await load(project({ 'inventory/site.yml': 'hosts: { web1: }\n' }))
  const assigned = (...all: readonly Role[]) => {
    const own = [{ hosts: 'all', roles: all }]
    return assignRoles(inventory, inventory.hosts, own, site, own)
  }
  expect(await refusal(async () => assigned(shop))).toStrictEqual([
    expect.stringContaining('a shop has a database'),
  ])
  expect(assigned(shop, role('mysql', vars({})))).toHaveLength(1)
})
