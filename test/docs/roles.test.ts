import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import type { Role } from '#engine/converge/role.ts'
import { roleNames } from '#engine/inventory/roles.ts'
import type { Vars } from '#engine/vars.ts'
import site from '#roles/site.ts'

const root = resolve(import.meta.dirname, '../..')

// `npx vitest run test/docs -u` writes it anew.
test('docs/roles.md tells the vars of every role as their schemas have them.', async () => {
  const names = await roleNames(root)
  const sections = await Promise.all(names.map(sectionOf))
  const page = `${head}\n## site\nWhat every role knows, under \`site:\`.\n\n${table(site)}${sections.join('')}`
  await expect(page).toMatchFileSnapshot('../../docs/roles.md')
})

const head = `# Roles and their vars

What each role can be told, generated from the schemas in \`roles/<role>/vars.ts\`. A role's vars stand under its name in
the inventory: \`nginx: { … }\`. A wrong or unknown key stops a run before any host is contacted.
`

async function sectionOf(name: string): Promise<string> {
  const { default: role } = (await import(`${root}/roles/${name}/role.ts`)) as { default: Role }
  return `\n## ${name}\n${table(role.vars)}`
}

function table(vars: Vars<unknown>): string {
  const parsed = site.parse({})
  if (!parsed.ok) throw new Error('the site has required vars')
  const rows = vars.describe(parsed.value).map(({ name, type, default: value, is }) => {
    const shown = value === undefined ? '**required**' : value === '' ? 'unset' : `\`${value}\``
    return `| \`${name}\` | ${cell(type)} | ${cell(shown)} | ${cell(is)} |\n`
  })
  return rows.length === 0
    ? 'No vars.\n'
    : `| var | type | default | meaning |\n|---|---|---|---|\n${rows.join('')}`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
