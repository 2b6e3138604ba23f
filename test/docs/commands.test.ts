import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, expect, it } from 'vitest'
import { commands, pages, root } from './pages.ts'

const help = new Map<string, string>()

beforeAll(async () => {
  const run = promisify(execFile)
  for (const command of commands) {
    const { stdout } = await run(process.execPath, [join(root, `scripts/${command}.mjs`), '--help'])
    help.set(command, stdout.trim())
  }
}, 120_000)

// `npx vitest run --project unit test/docs/commands.test.ts -u` updates it.
it('docs/commands.md has the help of every command.', async () => {
  const sections = commands.map(command => `\n## ${command}.mjs\n\`\`\`\n${help.get(command)}\n\`\`\`\n`)
  await expect(head + sections.join('')).toMatchFileSnapshot('../../docs/commands.md')
})

it('Each command in the pages exists, and so do its flags.', () => {
  const unknown = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/(?:npx zx|node) scripts\/(\w+)\.mjs([^`'"#|&\n]*)/g)].flatMap(
      ([line, name = '', args = '']) =>
        ownScripts.includes(name) || (help.has(name) && areKnown(name, args))
          ? []
          : [`${path}: ${line.trim()}`],
    ),
  )
  expect(unknown).toEqual([])
})

it('Each npm script in the pages exists.', async () => {
  const { default: manifest } = (await import('../../package.json', { with: { type: 'json' } })) as {
    default: { scripts: Readonly<Record<string, string>> }
  }
  const named = pages.flatMap(({ text }) =>
    [...text.matchAll(/npm run ([\w:]+)/g)].map(([, name = '']) => name),
  )
  expect([...new Set(named)].filter(name => !(name in manifest.scripts))).toEqual([])
})

/** Scripts that a page lets its reader write. */
const ownScripts = ['patch', 'x']

/** Whether the help of the command has each flag among the words that come before `--`. */
function areKnown(command: string, args: string): boolean {
  const [own = ''] = args.split(/ -- | --$/)
  const flags = [...own.matchAll(/(?<= )(--[a-z][a-z-]*|-[A-Za-z]+)/g)].map(([flag]) => flag)
  const single = flags.flatMap(flag =>
    /^-[A-Za-z]{2}/.test(flag) ? [...flag.slice(1)].map(letter => `-${letter}`) : [flag],
  )
  return single.every(flag => new RegExp(`(?<![\\w-])${flag}(?![\\w-])`).test(help.get(command) ?? ''))
}

const head = `# Commands

All commands are zx scripts in \`scripts/\`. Run them with \`npx zx scripts/<name>.mjs\`, or with \`node scripts/<name>.mjs\`, which does
the same and starts faster. This page is generated from their \`--help\`.

| exit code | meaning |
|---|---|
| 0 | success |
| 1 | a host failed; with \`--exit-code\`, a host changed or would change |
| 2 | wrong usage: nothing was contacted |
| 4 | a host is unreachable |
| 75 | another run holds the lock: try again later |
| 130, 143 | interrupted by Ctrl-C or SIGTERM |

| environment variable | meaning |
|---|---|
| \`CAPSTAN_SUDO_PASSWORD\` | the sudo password, instead of \`-K\` |
| \`CAPSTAN_SSH_KEY\` | a private key for the login, instead of a file: [Deploying from GitHub](github.md) |
| \`CAPSTAN_KNOWN_HOSTS\` | the host keys to accept, instead of known_hosts files |
| \`CAPSTAN_SUMMARY\` | a file that receives the job summary |
| \`NO_COLOR\`, \`FORCE_COLOR\` | turn colours off or on |

Secrets of the inventory (\`!secret NAME\`) are also read from the environment, or from \`.env\`: [Inventory](inventory.md).
`
