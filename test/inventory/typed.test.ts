import { expect, test } from 'vitest'
import { typeVars } from '#engine/inventory/typed.ts'
import { list, port, secret, text, vars } from '#engine/vars.ts'
import site from '#roles/site.ts'
import { load, project, refusal } from './project.ts'

const nginx = vars({
  port: port({ default: 443 }),
  names: list(text(), { default: ({ site }) => [site.domain, ...site.www] }),
})
const mysql = vars({ password: secret() })

const wanted = async (text: string) => {
  const { hosts } = await load(project({ 'inventory/site.yml': text }), { environment: { DB: 'hunter22' } })
  const roles = new Map<string, typeof nginx | typeof mysql>([
    ['nginx', nginx],
    ['mysql', mysql],
  ])
  return hosts.map(host => ({ host, roles }))
}

test('A host has its site and the vars of each of its roles, defaults filled in.', async () => {
  const hosts = await wanted(
    'vars: { site: { domain: a.com }, mysql: { password: !secret DB } }\nhosts: { web1: }\n',
  )
  const typed = typeVars(hosts, site, 'inventory/site.yml').get('web1')
  expect(typed?.site.www).toStrictEqual(['www.a.com'])
  expect(typed?.roles.get('nginx')).toStrictEqual({ port: 443, names: ['a.com', 'www.a.com'] })
  expect(String(typed?.roles.get('mysql'))).not.toContain('hunter22')
})

test('Every wrong value of every host is told at once, with the line it was written at.', async () => {
  const hosts = await wanted(`vars:
  site: { domain: "a.com; id" }
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
  web3:
`)
  expect(await refusal(() => typeVars(hosts, site, 'inventory/site.yml'))).toStrictEqual([
    'inventory/site.yml:2: vars.site.domain: expected a domain name such as www.foobar.com, got "a.com; id"',
    'inventory/site.yml:9: hosts.web1.vars.nginx.port: expected 1–65535, got "22a"',
    'inventory/site.yml:10: hosts.web1.vars.nginx.prot: unknown key; did you mean port?',
    'inventory/site.yml:12: hosts.web2.vars.mysql.password: expected a secret of one line and at least 4 characters, got null',
    'inventory/site.yml:12: hosts.web2.vars.nginx.names.1: expected one line of text, got "a\\nb"',
  ])
})

test('A required var that nobody wrote is told at the host that misses it.', async () => {
  const hosts = await wanted('hosts:\n  web1:\n  web2: { vars: { mysql: { password: !secret DB } } }\n')
  expect(await refusal(() => typeVars(hosts, site, 'inventory/site.yml'))).toStrictEqual([
    'inventory/site.yml:2: hosts.web1.vars.mysql.password: expected a secret of one line and at least 4 characters, got nothing',
  ])
})
