import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { UsageError } from '#engine/errors.ts'
import { roleNames } from '#engine/inventory/roles.ts'
import { roleNamed, siteVars } from '#engine/run/project.ts'
import { common, type Flags, flagLines } from './flags.ts'
import type { CommandInput } from './main.ts'
import { parseFlags } from './options.ts'
import { roleDocs } from './role-docs.ts'

const flags = { ...common('help') } as const satisfies Flags

const help = `Usage: npx zx scripts/new.mjs role NAME

Creates the role NAME: roles/NAME with role.ts, vars.ts and a template, and a test. \`npm run check\` passes with it.

${flagLines(flags)}
Example:
  npx zx scripts/new.mjs role redis
`

/** Runs scripts/new.mjs; gives its exit code. */
export async function createCommand(input: CommandInput): Promise<number> {
  const { values, positionals } = parseFlags(input.args, flags, 'new.mjs', true)
  if (values.help) return say(input, help)
  const [what, name, ...others] = positionals
  if (what !== 'role' || name === undefined || others.length > 0)
    throw new UsageError('usage', 'expected the word role and a name', {
      hint: 'npx zx scripts/new.mjs role redis',
    })
  const files = await createRole(input.root, name)
  return say(
    input,
    `${files.map(({ file, isNew }) => `${isNew ? 'created' : 'changed'}  ${file}\n`).join('')}
Add '${name}' to the roles of scripts/site.mjs, then run:
  npx zx scripts/site.mjs -t ${name}
  npm run check
The resources that a role can declare: docs/resources.md
`,
  )
}

interface Written {
  readonly file: string
  /** False: it was there before. */
  readonly isNew: boolean
}

/** Creates a role; gives the files, as paths below `root`. Throws UsageError for a name that is none or is taken. */
async function createRole(root: string, name: string): Promise<readonly Written[]> {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) || name.length > 32)
    throw new UsageError(
      'usage',
      `expected a name of at most 32 small letters, digits and -, a letter first, got ${JSON.stringify(name)}`,
    )
  if (name === 'site' || existsSync(join(root, 'roles', name)))
    throw new UsageError('usage', `roles/${name} exists`, { hint: 'Choose another name.' })
  const created = { ...roleFiles(name), ...doorFiles(root, name) }
  const written = [...Object.keys(created), 'docs/roles.md'].map(file => ({
    file,
    isNew: !existsSync(join(root, file)),
  }))
  for (const [file, text] of Object.entries(created)) {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), text)
  }
  const roles = (await roleNames(root)).map(each => roleNamed(root, each))
  writeFileSync(join(root, 'docs/roles.md'), roleDocs(siteVars(root), roles))
  return written
}

function roleFiles(name: string): Readonly<Record<string, string>> {
  const path = `etc/${name}/${name}.conf`
  const id = identifier(name)
  return {
    [`roles/${name}/vars.ts`]: `import { integer, vars } from '#engine/vars.ts'

export default vars({
  workers: integer({ min: 1, max: 64, default: 2, is: 'how many requests are handled at once' }),
})
`,
    [`roles/${name}/role.ts`]: `import { role } from '#engine/converge/role.ts'
import vars from './vars.ts'

export default role(import.meta, {
  vars,
  tasks({ vars, directory, template }) {
    directory('/etc/${name}')
    template('/${path}', { vars })
  },
})
`,
    [`roles/${name}/templates/${path}.ejs`]: `# Managed by Capstan: roles/${name}/templates/${path}.ejs; changes here are undone by the next run.
workers = <%= workers %>
`,
    [`test/roles/${name}.test.ts`]: `import { expect, it } from 'vitest'
import { declare } from '#engine/converge/testing.ts'
import ${id} from '${door}/${name}/role.ts'

const path = '/${path}'

it('declares its configuration', () => {
  expect(declare(${id}).labels).toEqual(['directory /etc/${name}', \`template \${path}\`])
})

it('writes the number of workers', () => {
  expect(declare(${id}, { vars: { workers: 4 } }).text(path)).toContain('workers = 4\\n')
})

it('refuses an invalid number of workers', () => {
  expect(() => declare(${id}, { vars: { workers: 0 } })).toThrow('workers: expected 1–64, got 0')
})
`,
  }
}

// Apart from the text of a test: this module itself imports no role.
const door = '#roles'

// By these a script imports the role from '#roles'.
function doorFiles(root: string, name: string): Readonly<Record<string, string>> {
  const read = (file: string) => readFileSync(join(root, file), 'utf8')
  const id = identifier(name)
  const lines = read('roles/index.ts').split('\n').filter(Boolean)
  const [head = '', ...exports] = lines
  const all = [...exports, `export { default as ${id} } from './${name}/role.ts'`]
  const names = all.map(line => /default as (\w+)/.exec(line)?.[1] ?? '')
  return {
    'roles/index.ts': `${[head, ...all.sort(byPath)].join('\n')}\n`,
    'roles/index.mjs': read('roles/index.mjs').replace(/const \{[^}]*\}/, `const ${listed(names.sort())}`),
  }
}

// As the formatter has it.
function listed(names: readonly string[]): string {
  const line = `{ ${names.join(', ')} }`
  return line.length < 55 ? line : `{\n${names.map(each => `  ${each},\n`).join('')}}`
}

function byPath(one: string, other: string): number {
  const [a = '', b = ''] = [one, other].map(line => line.replace(/.* from /, ''))
  return a < b ? -1 : 1
}

/** `my-role` → `myRole`. */
function identifier(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
}

function say({ stdout }: CommandInput, text: string): 0 {
  stdout.write(text)
  return 0
}
