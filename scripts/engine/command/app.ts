import { asCommand, insideScript, runInside } from '#engine/app/inside.ts'
import { UsageError } from '#engine/errors.ts'
import { orNearest } from '#engine/nearest.ts'
import { type ReachableHost, reach } from '#engine/run/reach.ts'
import { type AppDefinition, refuseSeveralSites, releaseHosts } from '#engine/run/release-hosts.ts'
import { inTerminal } from '#engine/run/terminal.ts'
import { type Changes, changeAndRestart, changesOf, listVariables } from './app-environment.ts'
import { showLogs, showProcesses } from './app-output.ts'
import { showStatus } from './app-status.ts'
import { askSudoPassword } from './ask.ts'
import { common, type Flags, flagLines } from './flags.ts'
import type { CommandInput } from './main.ts'
import { parseCount, parseFlags } from './options.ts'
import { releaseRun } from './release-run.ts'

const flags = {
  ...common('inventory', 'limit', 'site'),
  follow: { type: 'boolean', short: 'f', default: false, help: 'logs: go on with new lines until ^C' },
  since: { type: 'string', value: 'TIME', help: 'logs: from this time on: "1 hour ago", "2026-11-27 09:00"' },
  lines: {
    ...{ type: 'string', short: 'n', default: '50', value: 'N' },
    help: 'logs: the last N lines, unless --since is given (default: 50)',
  },
  show: { type: 'boolean', default: false, help: 'env list: print the values' },
  'no-restart': {
    type: 'boolean',
    default: false,
    help: 'env set, env unset: leave the live instance as it is',
  },
  ...common('extra-vars', 'ask-become-pass'),
  json: { type: 'boolean', default: false, help: 'status, logs and ps: print JSON, one line per entry' },
  ...common('help'),
} as const satisfies Flags

const help = `Usage: npx zx scripts/app.mjs [options] COMMAND

Works with the live release of an app: as its user, with its environment, in its sandbox and within its limits.

  status                 show what is live on each host and whether it is healthy; exits with 1 if something is not
  exec -- COMMAND…       run a command, and exit as it does; a single word is a line of shell
  console [-- COMMAND…]  the same in a terminal; by default php -a, python3, node or a shell
  logs                   print the log of the app, its workers and its hooks, of all hosts by time
  ps                     list the processes of the app with their memory and CPU time
  env list               list the variables of the app and who set them; --show prints their values
  env set NAME[=VALUE]…  set variables on the hosts, over those of the inventory; without =VALUE from stdin
  env unset NAME…        take them away again. Both restart the app without losing a request
  restart                replace the live instance with a new one, without losing a request
  db                     open a client on the database of the site
  db dump                print the database as SQL
  db load                read SQL from stdin into the database

exec, console and db use the first host that has the site; -l selects another one.

${flagLines(flags)}
Examples:
  npx zx scripts/app.mjs -i production exec -- php artisan migrate:status
  npx zx scripts/app.mjs -i production --site shop logs -f
  npx zx scripts/app.mjs -i production db dump | npx zx scripts/app.mjs db load
`

type Command =
  | { readonly verb: 'exec'; readonly words: readonly string[] }
  | { readonly verb: 'console'; readonly words: readonly string[] }
  | { readonly verb: 'db'; readonly what: 'client' | 'dump' | 'load' }
  | { readonly verb: 'env'; readonly what: 'list' | 'set' | 'unset'; readonly words: readonly string[] }
  | { readonly verb: 'logs' }
  | { readonly verb: 'ps' }
  | { readonly verb: 'restart' }
  | { readonly verb: 'status' }

/** Runs scripts/app.mjs; gives its exit code, with exec and console that of the command. */
export async function appCommand(definition: AppDefinition, input: CommandInput): Promise<number> {
  const at = input.args.indexOf('--')
  const own = at === -1 ? input.args : input.args.slice(0, at)
  const { values, positionals } = parseFlags(own, flags, 'app.mjs', true)
  if (values.help) {
    input.stdout.write(help)
    return 0
  }
  const command = commandOf(positionals, at === -1 ? undefined : input.args.slice(at + 1))
  const lines = parseCount('--lines', values.lines, 1, 1_000_000)
  const hosts = await releaseHosts(definition, input, values)
  if (command.verb !== 'status') refuseSeveralSites(hosts, command.verb)
  const askSudo = values['ask-become-pass']
  const { inventory, json } = values
  const options = { command: undefined, inventory, hosts, json, verbosity: 0, askSudo }
  if (command.verb === 'status') {
    const hasSeveralSites = hosts.some(({ isOneOfSeveral }) => isOneOfSeveral)
    return releaseRun(options, input, run => showStatus(run, { json, inventory, hasSeveralSites }, input))
  }
  if (command.verb === 'restart' || (command.verb === 'env' && command.what !== 'list')) {
    const changes: Changes =
      command.verb === 'env' ? await changesOf(command, definition.reservedVariable) : new Map()
    return releaseRun({ ...options, command: 'restart' }, input, run =>
      changeAndRestart(run, changes, !values['no-restart']),
    )
  }
  const isOfAll = ['logs', 'ps', 'env'].includes(command.verb)
  const wanted = isOfAll ? hosts : hosts.slice(0, 1)
  if (wanted.length < hosts.length)
    process.stderr.write(
      `on ${wanted[0]?.host.name}, the first of ${hosts.length} hosts; -l selects another one\n`,
    )
  const ways = await reach(
    wanted.map(({ host }) => host),
    {
      root: input.root,
      sudoPassword: await askSudoPassword(askSudo, input.environment),
      say: line => void process.stderr.write(`${line}\n`),
    },
  )
  const [first] = wanted
  const [way] = ways
  if (!first || !way) throw new Error('a site has a host')
  const { app } = first.settings
  switch (command.verb) {
    case 'logs':
      return showLogs(ways, app, { ...values, lines }, input)
    case 'ps':
      return showProcesses(ways, app, values.json, input)
    case 'env':
      return listVariables(ways, app, values, input)
    case 'db':
      return database(way, app, command.what)
    case 'exec':
      return exec(way, app, asCommand(command.words))
    case 'console': {
      const words =
        command.words.length > 0 ? asCommand(command.words) : (definition.consoles[first.runtime] ?? ['sh'])
      return inTerminal(way, insideScript(app, 'pty', words))
    }
  }
}

function commandOf([verb, what, ...rest]: readonly string[], words: readonly string[] | undefined): Command {
  const known = ['status', 'exec', 'console', 'logs', 'ps', 'env', 'restart', 'db']
  const usage = (message: string) =>
    new UsageError('usage', message, { hint: 'npx zx scripts/app.mjs --help lists the commands.' })
  if (verb === undefined || !known.includes(verb))
    throw usage(
      verb === undefined
        ? `expected a command: ${known.join(', ')}`
        : `no command is named ${JSON.stringify(verb)}${orNearest(verb, known)}`,
    )
  if (verb === 'exec' || verb === 'console') {
    if (what !== undefined) throw usage(`${verb} ${what}: the command stands behind --: ${verb} -- ${what}`)
    if (verb === 'exec' && !words?.length) throw usage('exec: expected -- and a command')
    return { verb, words: words ?? [] }
  }
  if (verb === 'env' && words === undefined) {
    if (what === 'list' && rest.length === 0) return { verb, what, words: [] }
    if ((what === 'set' || what === 'unset') && rest.length > 0) return { verb, what, words: rest }
    throw usage('env: expected env list, env set NAME=VALUE or env unset NAME')
  }
  if (words !== undefined || rest.length > 0) throw usage(`${verb}: expected no further words`)
  if (verb === 'db' && (what === undefined || what === 'dump' || what === 'load'))
    return { verb, what: what ?? 'client' }
  if (what !== undefined)
    throw usage(`${verb} ${what}: expected ${verb === 'db' ? 'db, db dump or db load' : verb}`)
  return { verb: verb as 'status' | 'logs' | 'ps' | 'restart' }
}

const streams = { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr }

async function exec(way: ReachableHost, app: string, command: readonly string[]): Promise<number> {
  const connection = await way.connect()
  try {
    return await runInside(connection, app, command, streams)
  } finally {
    await connection.close()
  }
}

/** By the app's own account, whose password no argument has. */
function database(way: ReachableHost, app: string, what: 'client' | 'dump' | 'load'): Promise<number> {
  const login = '--default-character-set=utf8mb4 --user="$DB_USER" --socket="$DB_SOCKET" --host="$DB_HOST"'
  const mustHave =
    '[ -n "${DB_NAME-}" ] || { echo "the site has no database: set site.database.password" >&2; exit 1; }'
  const client = (program: string) =>
    `${mustHave}; export MYSQL_PWD="$DB_PASSWORD"; exec ${program} "$DB_NAME"`
  // MySQL calls them by their old names.
  const named = (name: string, old: string) => `$(command -v ${name} || echo ${old})`
  const programs = {
    client: `${named('mariadb', 'mysql')} ${login}`,
    // MySQL's asks for the privilege RELOAD otherwise.
    dump: `${named('mariadb-dump', 'mysqldump --set-gtid-purged=OFF')} ${login} --single-transaction --quick --no-tablespaces --hex-blob`,
    load: `${named('mariadb', 'mysql')} ${login} --batch --binary-mode`,
  }
  const command = ['sh', '-c', client(programs[what])]
  if (what !== 'client' || !process.stdin.isTTY) return exec(way, app, command)
  return inTerminal(way, insideScript(app, 'pty', command))
}
