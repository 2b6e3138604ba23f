import { environmentLogin } from '#engine/connection/environment-login.ts'
import { type Check, order } from '#engine/doctor/check.ts'
import { checkLocal, checkSsh } from '#engine/doctor/ssh-checks.ts'
import { loadInventory } from '#engine/inventory/inventory.ts'
import { selectHosts } from '#engine/inventory/pattern.ts'
import { roleNames } from '#engine/inventory/roles.ts'
import { harmless } from '#engine/output/actions.ts'
import { cleanLines } from '#engine/output/clean.ts'
import { jsonLine } from '#engine/output/json.ts'
import { paintFor } from '#engine/output/paint.ts'
import { padTo } from '#engine/output/width.ts'
import { type ReachableHost, reach, sshTarget } from '#engine/run/reach.ts'
import { askSudoPassword } from './ask.ts'
import { makeSecrets } from './doctor-secrets.ts'
import { common, type Flags, flagLines } from './flags.ts'
import type { CommandInput } from './main.ts'
import { parseFlags } from './options.ts'

const flags = {
  ...common('inventory', 'limit'),
  as: { type: 'string', value: 'USER', help: 'log in as this user instead of the one in the inventory' },
  secrets: {
    ...{ type: 'boolean', default: false },
    help: 'create the deploy user of the inventory and a key for it, and print the secrets for GitHub',
  },
  from: {
    ...{ type: 'string', value: 'ADDRESSES' },
    help: 'with --secrets: accept the key only from these addresses: 203.0.113.0/24,2001:db8::/32',
  },
  ...common('ask-become-pass'),
  json: { type: 'boolean', default: false, help: 'print checks as JSON, one per line' },
  ...common('help'),
} as const satisfies Flags

const help = `Usage: npx zx scripts/doctor.mjs [options]

Checks the connection to every host: name, port, host key, login, sudo, system, disk, clock and
versions. Prints one line per check, and how to fix it. Changes nothing, except with --secrets.

${flagLines(flags)}
Examples:
  npx zx scripts/doctor.mjs -i production
  npx zx scripts/doctor.mjs -i production --as root --secrets
`

/** Runs scripts/doctor.mjs; gives 0, 1 where a check failed, 4 where it is that a host can't be reached. */
export async function doctorCommand({ args, root, environment, stdout }: CommandInput): Promise<number> {
  const { values } = parseFlags(args, flags, 'doctor.mjs')
  if (values.help) {
    stdout.write(help)
    return 0
  }
  const roles = await roleNames(root)
  const inventory = await loadInventory({
    root,
    inventory: values.inventory,
    extraVars: [],
    roles,
    environment,
  })
  const hosts = selectHosts(inventory, values.limit)
  const sudoPassword = await askSudoPassword(values['ask-become-pass'], environment)
  const reachable = await reach(hosts, { root, sudoPassword, say: line => process.stderr.write(`${line}\n`) })
  const given = environmentLogin(process.env)
  const targetOf = ({ host, sandbox }: ReachableHost) => {
    const target = sshTarget(host, sandbox, sudoPassword, given)
    return values.as === undefined ? target : { ...target, user: values.as }
  }
  if (values.secrets) {
    const targets = reachable.map(one => ({ host: one.host, target: targetOf(one) }))
    return makeSecrets(targets, { inventory, from: values.from, say: text => stdout.write(text) })
  }
  const checks = await Promise.all(
    reachable.map(one =>
      one.host.connection.kind === 'local'
        ? checkLocal(one.host.name, () => one.connect())
        : checkSsh(targetOf(one)),
    ),
  )
  const all = [thisMachine(), ...checks.flat()]
  stdout.write(values.json ? jsonLines(all) : textLines(all, paintFor(stdout, environment)))
  const failed = all.filter(({ state }) => state === 'failed')
  if (failed.length === 0) return 0
  return failed.some(({ what }) => order.indexOf(what as never) <= order.indexOf('login')) ? 4 : 1
}

function thisMachine(): Check {
  return {
    what: 'versions',
    state: 'ok',
    found: `this machine: node ${process.versions.node}, ${process.platform}`,
  }
}

function jsonLines(checks: readonly Check[]): string {
  return checks.map(check => `${jsonLine(check)}\n`).join('')
}

const labels = { ok: 'ok', warning: 'warning', failed: 'failed', skipped: '-' } as const
const colours = { ok: 'green', warning: 'magenta', failed: 'red', skipped: 'dim' } as const

function textLines(checks: readonly Check[], paint: ReturnType<typeof paintFor>): string {
  const width = Math.max(...checks.map(({ host = '' }) => host.length))
  return checks
    .flatMap(({ host = '', what, state, found, cure }) => {
      const [first = '', ...more] = cleanLines(found)
      const under = ' '.repeat(width + 22)
      const cures = cure === undefined || state === 'ok' ? [] : cleanLines(cure)
      return [
        `${padTo(host, width)}  ${paint(colours[state], padTo(labels[state], 8))}${padTo(what, 10)}  ${first}`.trimEnd(),
        ...more.map(line => `${under}${line}`),
        ...cures.map(
          (line, index) => `${under}${index === 0 ? `${paint('cyan', 'cure')}  ` : '      '}${line}`,
        ),
      ]
    })
    .map(line => `${harmless(line, process.env)}\n`)
    .join('')
}
