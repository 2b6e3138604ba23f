import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { parseDotenv } from '#engine/inventory/environment.ts'
import { loadInventory } from '#engine/inventory/inventory.ts'
import { roleNames } from '#engine/inventory/roles.ts'
import { Secret } from '#engine/secret.ts'
import app from '#roles/app/role.ts'
import base from '#roles/base/role.ts'
import dns from '#roles/dns/role.ts'
import mysql from '#roles/mysql/role.ts'
import nginx from '#roles/nginx/role.ts'
import site from '#roles/site.ts'
import tls from '#roles/tls/role.ts'
import { project } from './project.ts'

const repository = resolve(import.meta.dirname, '../..')
const shipped = (name: string) => readFileSync(join(repository, 'inventory', `${name}.yml`), 'utf8')

// Copied: a generated secret must not land in the repository's own .capstan.
async function loadShipped(name: string, environment: NodeJS.ProcessEnv) {
  const root = project({ [`inventory/${name}.yml`]: shipped(name) })
  const roles = await roleNames(repository)
  return loadInventory({ root, inventory: name, extraVars: [], roles, environment })
}

test.each([
  ['sandbox', 'web1', 12],
  ['sandbox13', 'web13', 13],
  ['sandboxsid', 'websid', 'sid'],
] as const)('%s is one Debian machine that needs nothing from its user.', async (name, host, debian) => {
  const { hosts } = await loadShipped(name, {})
  expect(hosts.map(each => [each.name, each.connection, each.groups])).toStrictEqual([
    [host, { kind: 'sandbox', debian }, ['web']],
  ])
  // Whoever follows docs/start.md adds vars of their own.
  expect(hosts[0]?.vars).toMatchObject({
    site: { database: { password: expect.any(Secret) } },
    mysql: { ...(debian === 'sid' && { server: 'mysql' }), bufferPool: '128m' },
  })
  expect(site.parse(hosts[0]?.vars['site'])).toMatchObject({
    value: { domain: 'foobar.com', www: ['www.foobar.com'] },
  })
})

test('production is the one server at 8.8.8.8, with the secrets of .env.example.', async () => {
  const names = Object.keys(parseDotenv(readFileSync(join(repository, '.env.example'), 'utf8')))
  const environment = Object.fromEntries(names.map(name => [name, 'hunter22']))
  const { hosts } = await loadShipped('production', environment)
  expect(hosts.map(host => host.name)).toStrictEqual(['web1'])
  expect(hosts[0]?.connection).toMatchObject({ kind: 'ssh', address: '8.8.8.8', user: 'deploy' })
  expect(site.parse(hosts[0]?.vars['site'])).toMatchObject({
    value: { domain: 'foobar.com', www: ['www.foobar.com'], address: '8.8.8.8' },
  })
  const missing = expect.stringContaining('expected the value of DB_PASSWORD')
  await expect(loadShipped('production', {})).rejects.toMatchObject({ message: missing })
})

test.each(['sandbox', 'sandbox13', 'production'])(
  '%s says to each role only what it understands.',
  async name => {
    const { hosts } = await loadShipped(name, { DB_PASSWORD: 'hunter22' })
    for (const role of [base, dns, nginx, app, mysql, tls]) {
      const shared = site.parse(hosts[0]?.vars['site'])
      if (!shared.ok) throw new Error('the site is not valid')
      expect(role.vars.parse(hosts[0]?.vars[role.name], shared.value)).toMatchObject({ ok: true })
    }
  },
)
