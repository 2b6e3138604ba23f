import { expect, test } from 'vitest'
import type { Role } from '#engine/converge/role.ts'
import { assignRoles } from '#engine/run/plays.ts'
import { Secret } from '#engine/secret.ts'
import { list, port, secret, text, type Vars, vars } from '#engine/vars.ts'
import site from '#roles/site.ts'
import { load, project, refusal } from '../inventory/project.ts'

const nginx = vars({
  port: port({ default: 443 }),
  names: list(text(), { default: ({ site }) => [site.domain, ...site.www] }),
})
const mysql = vars({ password: secret() })

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
  expect(web1?.site.www).toStrictEqual(['www.a.com'])
  expect(web1?.roles.map(({ vars }) => vars)).toStrictEqual([
    { port: 443, names: ['a.com', 'www.a.com'] },
    { password: expect.any(Secret) },
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
