import type { Role } from '#engine/converge/role.ts'
import type { Site, Vars } from '#engine/vars.ts'

/** docs/roles.md: the vars of the site and of these roles, as their schemas have them. */
export function roleDocs(site: Vars<Site>, roles: readonly Role[]): string {
  const table = tableFor(site)
  const sections = roles.map(({ name, vars }) => `\n## ${name}\n${table(vars)}`)
  return `${head}\n## site\nWhat every role knows, under \`site:\`.\n\n${table(site)}${sections.join('')}`
}

const head = `# Roles and their vars

What each role can be told, generated from the schemas in \`roles/<role>/vars.ts\`. A role's vars stand under its name in
the inventory: \`nginx: { … }\`. A wrong or unknown key stops a run before any host is contacted.
`

function tableFor(site: Vars<Site>) {
  const parsed = site.parse({})
  if (!parsed.ok) throw new Error('the site has required vars')
  return (vars: Vars<unknown>): string => {
    const rows = vars.describe(parsed.value).map(({ name, type, default: value, is }) => {
      const shown = value === undefined ? '**required**' : value === '' ? 'unset' : `\`${value}\``
      return `| \`${name}\` | ${cell(type)} | ${cell(shown)} | ${cell(is)} |\n`
    })
    return rows.length === 0
      ? 'No vars.\n'
      : `| var | type | default | meaning |\n|---|---|---|---|\n${rows.join('')}`
  }
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
