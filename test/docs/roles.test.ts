import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { roleDocs } from '#engine/command/role-docs.ts'
import type { Role } from '#engine/converge/role.ts'
import { roleNames } from '#engine/inventory/roles.ts'
import site from '#roles/site.ts'

const root = resolve(import.meta.dirname, '../..')

// `npx vitest run --project unit test/docs/roles.test.ts -u` updates it.
test('docs/roles.md lists the vars of every role as their schemas declare them.', async () => {
  const names = await roleNames(root)
  const sections = await Promise.all(names.map(sectionOf))
  const page = `${head}\n## site\nVars that every role can read, under \`site:\`.\n\n${table(site)}${sections.join('')}`
  await expect(page).toMatchFileSnapshot('../../docs/roles.md')
})

const head = `# Roles and their vars

This page lists the vars of each role. It is generated from the schemas in \`roles/<role>/vars.ts\`.

Set a role's vars in the [inventory](inventory.md), under the name of the role: \`nginx: { body: 64m }\`. An unknown key or an
invalid value stops a run before it contacts a host. \`npx zx scripts/inventory.mjs vars web1\` shows the values of a host and
where each one comes from.
`

async function sectionOf(name: string): Promise<string> {
  const { default: role } = (await import(`${root}/roles/${name}/role.ts`)) as { default: Role }
  return `\n## ${name}\n${table(role.vars)}`
}

function table(vars: Vars<unknown>): string {
  const parsed = site.parse({})
  if (!parsed.ok) throw new Error('the site has required vars')
  const rows = vars.describe(parsed.value).map(({ name, type, default: value, is }) => {
    const shown = value === undefined ? '**required**' : value === '' ? 'not set' : `\`${value}\``
    return `| \`${name}\` | ${cell(type)} | ${cell(shown)} | ${cell(is)} |\n`
  })
  return rows.length === 0
    ? 'No vars.\n'
    : `| var | type | default | meaning |\n|---|---|---|---|\n${rows.join('')}`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
