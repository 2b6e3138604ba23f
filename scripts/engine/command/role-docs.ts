import type { Role } from '#engine/converge/role.ts'
import type { Site, Vars } from '#engine/vars.ts'

/** docs/roles.md: the vars of the site and of these roles, as their schemas have them. */
export function roleDocs(site: Vars<Site>, roles: readonly Role[]): string {
  const table = tableFor(site)
  const sections = roles.map(({ name, vars }) => `\n## ${name}\n${perSite(vars)}${table(vars)}`)
  const intro = 'Vars that every role can read, under `site:`, or under each name of `sites:`.'
  return `${head}\n## site\n${intro}\n\n${table(site)}${sections.join('')}`
}

const head = `# Roles and their vars

This page lists the vars of each role. It is generated from the schemas in \`roles/<role>/vars.ts\`.

Set a role's vars in the [inventory](inventory.md), under the name of the role: \`nginx: { body: 64m }\`. An unknown key or an
invalid value stops a run before it contacts a host. \`npx zx scripts/inventory.mjs vars web1\` shows the values of a host and
where each one comes from.
`

function perSite({ fields, ofSite }: Vars<unknown>): string {
  if (ofSite.length === 0) return ''
  const isAll = ofSite.length === Object.keys(fields).length
  const keys = isAll ? 'all of these vars' : ofSite.map(key => `\`${key}\``).join(', ')
  return `Each of [several sites](inventory.md#several-sites-on-a-host) can set: ${keys}.\n\n`
}

function tableFor(site: Vars<Site>) {
  const parsed = site.parse({})
  if (!parsed.ok) throw new Error('the site has required vars')
  return (vars: Vars<unknown>): string => {
    const rows = vars.describe(parsed.value).map(({ name, type, default: value, is }) => {
      const shown = value === undefined ? '**required**' : value === '' ? 'not set' : `\`${value}\``
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
