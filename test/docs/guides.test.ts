import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { buildCatalog } from '#engine/converge/catalog.ts'
import type { Facts } from '#engine/converge/facts.ts'
import type { Role } from '#engine/converge/role.ts'
import { sitesOf } from '#engine/run/sites.ts'
import app from '#roles/app/vars.ts'
import mysql from '#roles/mysql/vars.ts'
import nginx from '#roles/nginx/vars.ts'
import site from '#roles/site.ts'
import tls from '#roles/tls/vars.ts'
import { load, project } from '../inventory/project.ts'
import { page, root } from './pages.ts'

// Below the project, so that the role finds the engine.
const below = join(root, '.capstan')
mkdirSync(below, { recursive: true, mode: 0o700 })
const folder = mkdtempSync(join(below, 'guides-'))
afterAll(() => rmSync(folder, { recursive: true }))

it('The role of docs/from-ansible.md declares what Ansible’s does.', async () => {
  for (const [, path = '', text = ''] of page('docs/from-ansible.md').matchAll(
    /`(roles\/memcached\/[^`]+)`:\n```\w*\n([\s\S]*?)```/g,
  )) {
    const file = join(folder, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  const { default: role } = (await import(join(folder, 'roles/memcached/role.ts'))) as { default: Role }
  const common = parsed(site.parse({}))
  const catalog = buildCatalog()
  role.declare(catalog.role('memcached'), {
    sites: [{ vars: parsed(role.vars.parse({ addresses: ['127.0.0.1', '::1'] }, common)), site: common }],
    removed: [],
    ...{ facts: {} as Facts, host: { name: 'web1', groups: [] } },
  })
  expect(catalog.resources.map(({ label }) => label)).toEqual([
    'apt memcached',
    'template /etc/memcached.conf',
    'service memcached',
  ])
  const wanted = catalog.resources[1]?.wanted as { readonly content: Buffer } | undefined
  expect(wanted?.content.toString()).toContain('-m 64\n-p 11211\n-u memcache\n-l 127.0.0.1\n-l ::1\n-P ')
})

it('The inventory of docs/from-capistrano.md is valid.', async () => {
  const [, yaml = ''] =
    /`inventory\/production\.yml`:\n```yaml\n([\s\S]*?)```/.exec(page('docs/from-capistrano.md')) ?? []
  const { hosts } = await load(project({ 'inventory/site.yml': yaml }), {
    roles: ['app', 'mysql', 'tls'],
    environment: { DB_PASSWORD: 'an example’s' },
  })
  const [host] = hosts
  const common = parsed(site.parse(host?.vars['site']))
  expect(common).toMatchObject({ domain: 'example.com', app: 'shop', runtime: 'php' })
  expect(parsed(app.parse(host?.vars['app'], common)).release).toMatchObject({ source: '../shop', keep: 5 })
  parsed(mysql.parse(host?.vars['mysql'], common))
  parsed(tls.parse(host?.vars['tls'], common))
})

it('The inventory of docs/apps.md is valid.', async () => {
  const [, yaml = ''] = /```yaml\n(# inventory\/apps\.yml\n[\s\S]*?)```/.exec(page('docs/apps.md')) ?? []
  const secrets = [...yaml.matchAll(/!secret (\w+)/g)].map(([, name = '']) => [name, `of ${name}`])
  const { hosts } = await load(project({ 'inventory/site.yml': yaml }), {
    roles: ['app', 'nginx'],
    environment: Object.fromEntries(secrets),
  })
  const problems: unknown[] = []
  const roles = [
    { name: 'app', vars: app },
    { name: 'nginx', vars: nginx },
  ] as unknown as readonly Role[]
  const sites = hosts.flatMap(host =>
    sitesOf(host, ['app', 'nginx'], site, problem => problems.push(problem)),
  )
  for (const each of sites) for (const role of roles) each.varsOf(role, problem => problems.push(problem))
  expect(problems).toEqual([])
  expect(sites.map(({ site: { app, runtime } }) => `${app} ${runtime}`)).toEqual([
    ...['blog php', 'desk php', 'shop python', 'wiki program', 'api node'],
  ])
})

type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly unknown[] }

function parsed<T>(result: Parsed<T>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.problems))
  return result.value
}
