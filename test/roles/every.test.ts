import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { buildCatalog, type Catalog } from '#engine/converge/catalog.ts'
import { declarations } from '#engine/converge/declarations.ts'
import type { Role } from '#engine/converge/role.ts'
import { typicalFacts } from '#engine/converge/testing.ts'
import { roleNames } from '#engine/inventory/roles.ts'
import { Secret } from '#engine/secret.ts'
import { kinds } from '#roles/app/kinds.ts'
import site from '#roles/site.ts'

const root = resolve(import.meta.dirname, '../..')
const canary = 'canary-of-a-secret'
const facts = { ...typicalFacts, memory: 966 }
// What roles require, with the canary for each secret.
const secrets: Readonly<Record<string, object>> = {
  app: { database: { password: canary } },
  mysql: { password: canary },
}

const runtimes = Object.keys(kinds)
const cases = (await roleNames(root)).flatMap(name => runtimes.map(runtime => [name, runtime] as const))

/** What a role declares on a typical host. */
async function declared(name: string, runtime: string) {
  const { default: role } = (await import(`${root}/roles/${name}/role.ts`)) as { default: Role }
  const common = site.parse({ runtime })
  if (!common.ok) throw new Error('the site has required vars')
  const vars = role.vars.parse(secrets[name] ?? {}, common.value)
  if (!vars.ok)
    throw new Error(`${name}: ${vars.problems.map(({ message }) => message).join()}: add them here`)
  const catalog = buildCatalog()
  const host = { name: 'web1', groups: [] }
  // A template that names what it is not given fails here, with its line.
  await role.declare(catalog.role(name), {
    ...{ sites: [{ vars: vars.value, site: common.value }], removed: [] },
    ...{ facts, host },
  })
  return catalog
}

const unguarded = ({ resources }: Catalog) =>
  resources.filter(one => one.once).map(one => `${one.label} at ${one.where()}: has no guard`)

/** Labels, argv and files that others may read, and shell of handlers, that have a secret in them. */
function leaks({ resources, handlers }: Catalog): readonly string[] {
  const shown = resources.flatMap(one => {
    const { secret, mode, content, ...rest } = one.wanted as Readonly<Record<string, unknown>>
    // A file with a secret in it is not shown, and is for its owner and group alone.
    const isHidden = secret === true && /^0?[0-7][0-7]0$/.test(String(mode))
    return [one.label, JSON.stringify(rest), isHidden ? '' : String(content ?? '')]
  })
  const all = [...shown, ...handlers.flatMap(one => [one.name, one.action])]
  return all.filter(text => text.includes(canary))
}

describe.each(cases)('the role %s (%s)', (name, runtime) => {
  it('has a guard for each command', async () => {
    expect(unguarded(await declared(name, runtime))).toEqual([])
  })

  it('puts no secret into what others may read', async () => {
    expect(leaks(await declared(name, runtime))).toEqual([])
  })
})

it('a command without a guard, and a secret on its way into argv, would be found', () => {
  const catalog = buildCatalog()
  const { command, file, handler } = declarations(catalog.role('web'), { directory: root })
  command(['mysql', `-p${canary}`])
  command('true', { unless: `grep -q ${canary} /etc/x` })
  file('/etc/x', { content: new Secret(canary), mode: '0644' })
  file('/etc/y', { content: canary })
  file('/etc/z', { content: new Secret(canary) })
  handler('restart', `curl -H ${canary}`)
  expect(unguarded(catalog)).toHaveLength(1)
  // The label and argv of the first, the guard of the second, two files and the handler.
  expect(leaks(catalog)).toHaveLength(6)
})

it('no role reveals a secret but to make another one of it', () => {
  const lines = readdirSync(join(root, 'roles'), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.ts'))
    .flatMap(file =>
      readFileSync(join(root, 'roles', file), 'utf8')
        .split('\n')
        .map((line, index) => ({ line, where: `roles/${file}:${index + 1}` })),
    )
  const revealed = lines.filter(({ line }) => line.includes('.reveal()') && !line.includes('new Secret('))
  // A host name, which is compared with those of loopback; and the salt of a password's hash.
  expect(revealed.map(({ where }) => where.replace(/:\d+$/, ''))).toEqual([
    'roles/app/release.ts',
    'roles/nginx/passwords.ts',
  ])
})
