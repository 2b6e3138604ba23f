import { execFile } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { kept } from '../sandbox/kept.ts'
import { type Machine, machine } from '../sandbox/machine.ts'
import { copyOfProject, follow, tutorial } from './tutorial.ts'

// Sections 6 and 7 of docs/start.md, from their own text: a role, its test, and what is run.
const role = tutorial([6])
const itsTest = tutorial([7])
let host: Machine
let copy: string
let putBack: () => void

beforeAll(async () => {
  copy = copyOfProject()
  host = await machine('tutorial', 12, await kept('data', 12))
  // The tutorial's host is the sandbox's web1; here it is one that has a database already.
  const here = JSON.stringify(host.through(host.host.port))
  putBack = hostsAre(`hosts:\n  web1: ${here}\n\n`)
}, 600_000)
afterAll(() => {
  host?.close()
  rmSync(copy, { recursive: true, force: true })
})

/** Replaces the hosts of the copy's inventory and its made-up secrets; gives what puts both back. */
function hostsAre(hosts: string): () => void {
  const inventory = join(copy, 'inventory/sandbox.yml')
  const replace = (from: string, to: string) =>
    writeFileSync(
      inventory,
      readFileSync(inventory, 'utf8').replaceAll(from, () => to),
    )
  const [before = ''] = /^hosts:\n[\s\S]*?\n\n/m.exec(readFileSync(inventory, 'utf8')) ?? []
  replace(before, hosts)
  replace('!generated DB_PASSWORD', 'of-the-tutorial')
  return () => {
    replace(hosts, before)
    replace('of-the-tutorial', '!generated DB_PASSWORD')
  }
}

interface Ended {
  readonly stdout: string
  readonly stderr: string
  /** null: it was killed by `signal`, at its time limit for one. */
  readonly code?: number | null
  readonly signal?: string | null
}

/** Runs a command of the text in the copy. Throws with all that it printed where it fails. */
async function run(command: string): Promise<string> {
  const clean = Object.entries(process.env).filter(([name]) => !/^(NODE_|VITEST|TEST|CI$|GITHUB_)/.test(name))
  const options = { cwd: copy, env: Object.fromEntries(clean), timeout: 1_500_000, maxBuffer: 2 ** 26 }
  const ended = await promisify(execFile)('bash', ['-c', command], options).catch((error: unknown) => error)
  const { stdout, stderr, code = 0, signal } = ended as Ended
  if (code !== 0)
    throw new Error(`${command} ended with ${signal ?? code}:\n${stdout.slice(-4000)}${stderr.slice(-2000)}`)
  return stdout
}

const commandsOf = (text: string) =>
  text.split('\n').flatMap(line => (line.startsWith('$ ') ? [line.slice(2).replace(/ +# .*/, '')] : []))

it('makes a role that converges its host, is then as declared, and follows a var', async () => {
  const changed: number[] = []
  for (const block of role) {
    if (block.language !== '') follow(copy, block)
    else
      for (const command of commandsOf(block.text)) {
        const said = await run(command)
        const count = /changed=(\d+)/.exec(said)?.[1]
        if (count !== undefined) changed.push(Number(count))
      }
  }
  expect(changed).toEqual([5, 0, 1])
  expect(await host.say('cat /etc/systemd/system/dumps.timer')).toContain('OnCalendar=04:15')
  expect(await host.say('zcat /var/backups/mysql/*.sql.gz | tail -1')).toContain('Dump completed')
})

it('has a test that passes, and leaves `npm run check` fine', async () => {
  putBack()
  for (const block of itsTest) {
    if (block.language !== '') follow(copy, block)
    // Of the unit tests those that read the project's roles; the others ran here.
    else
      for (const command of commandsOf(block.text))
        await run(
          command === 'npm run check'
            ? `${command} -- test/docs test/inventory test/roles test/imports.test.ts`
            : command,
        )
  }
  expect(readFileSync(join(copy, 'docs/roles.md'), 'utf8')).toContain('## dumps')
})
