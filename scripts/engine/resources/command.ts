import type { Difference } from '#engine/output/events.ts'
import { quote, quoteAll } from '#engine/quote.ts'
import { Secret } from '#engine/secret.ts'
import { checkedLine, checkedMatch, checkedPath } from './checked.ts'
import {
  type Declare,
  type DeclareOptions,
  differs,
  type Kind,
  known,
  type State,
  unknown,
} from './resource.ts'
import { here } from './shell.ts'
import { accountName } from './user.ts'

export interface CommandOptions extends DeclareOptions {
  /** It runs only while this path does not exist. */
  readonly creates?: string
  /** It runs only while this path exists. */
  readonly removes?: string
  /** A shell line: the command runs only where this fails. */
  readonly unless?: string
  /** A shell line: the command runs only where this succeeds. */
  readonly onlyIf?: string
  /** The user that runs it and its guards; root by default. */
  readonly as?: string
  /** The directory in which it and its guards run; `/` by default. */
  readonly in?: string
  /** Variables of the environment, beside PATH, HOME and LC_ALL. */
  readonly environment?: Readonly<Record<string, string | Secret>>
  /** What it reads on stdin; nothing by default. */
  readonly stdin?: string | Buffer | Secret
  /** What the output calls it; the command itself by default. */
  readonly name?: string
}

export interface WantedCommand {
  readonly options: CommandOptions
  /** Shell that prepares what `run` needs, as root: a script's file. */
  readonly prepare: string
  /** One simple command of the shell. */
  readonly run: string
}

/** What each guard found; undefined: it was not given. */
export interface FoundCommand {
  readonly creates: boolean | undefined
  readonly removes: boolean | undefined
  readonly unless: boolean | undefined
  readonly onlyIf: boolean | undefined
}

const guards = ['creates', 'removes', 'unless', 'onlyIf'] as const

/** Commands with guards that say whether they have to run. A path costs no process, a guard's shell line one. */
const commands: Kind<WantedCommand, FoundCommand> = {
  noun: 'command',
  // A command whose guard still asks for it would do the same once more.
  tries: 1,

  probe(items) {
    return `there() { if [ -e "$1" ] || [ -L "$1" ]; then printf ' 1'; else printf ' 0'; fi; }\n${items.map(probeOf).join('')}`
  },

  parse(output, items) {
    const lines = output.toString().split('\n').slice(0, -1)
    if (lines.length !== items.length)
      throw new Error(`${items.length} commands were probed, ${lines.length} were answered`)
    return lines.map(readLine)
  },

  diff({ options }, found) {
    if (!isGuarded(options)) return differs('guard', 'none', 'runs each time')
    const differences = [
      ...(options.creates === undefined || found.creates ? [] : state(options.creates, 'absent', 'present')),
      ...(options.removes === undefined || !found.removes ? [] : state(options.removes, 'present', 'absent')),
      ...(options.unless === undefined || found.unless
        ? []
        : state(`unless ${options.unless}`, 'fails', 'succeeds')),
      ...(options.onlyIf === undefined || !found.onlyIf
        ? []
        : state(`onlyIf ${options.onlyIf}`, 'succeeds', 'fails')),
    ]
    return differences.length === guards.filter(guard => options[guard] !== undefined).length
      ? differences
      : []
  },

  apply({ options, prepare, run }) {
    const { stdin } = options
    const command = `${prepare}command_() {\n(\n${context(options)}${become(options, run)}\n)\n}\n`
    if (stdin === undefined) return `${command}command_ </dev/null\n`
    return `${command}${here('command_', stdin instanceof Secret ? stdin.reveal() : stdin)}`
  },
}

export type DeclareCommand = (command: string | readonly string[], options?: CommandOptions) => void

/** `command(['initdb', '-D', data], { as: 'postgres', creates: `${data}/PG_VERSION` })`; text is a shell line. */
export function command(declare: Declare): DeclareCommand {
  return (given, options = {}) => {
    const isLine = typeof given === 'string'
    const run = isLine ? `sh -ec ${quote(shellText('the command', given))}` : quoteAll(given.map(word))
    if (!isLine && !given[0]) throw new RangeError('expected a program as the first word of a command')
    declareCommand(declare, 'command', isLine ? given : given.join(' '), { options, prepare: '', run })
  }
}

/** Declares it with all its options checked; `name` is what it is called where they don't say. */
export function declareCommand(declare: Declare, noun: string, name: string, wanted: WantedCommand): void {
  const { options } = wanted
  for (const guard of ['creates', 'removes', 'in'] as const)
    if (options[guard] !== undefined && options[guard] !== '/') checkedPath(options[guard])
  for (const guard of ['unless', 'onlyIf'] as const)
    if (options[guard] !== undefined) shellText(guard, options[guard])
  if (options.as !== undefined) accountName(options.as)
  for (const [key, value] of Object.entries(options.environment ?? {})) {
    checkedMatch('the name of a variable', /[A-Za-z_][A-Za-z0-9_]*/, key)
    if (typeof value === 'string') shellText(key, value)
  }
  const label = options.name ?? short(name)
  const once = !isGuarded(options)
  const warning = () =>
    `${noun} ${label} has no guard and runs each time: give it creates, removes, unless or onlyIf`
  const kind = once ? { ...commands, warning } : commands
  declare(kind, { noun, name: checkedLine('the name of a command', label), wanted, once }, options)
}

/** No secret, which argv would show, and no NUL. */
function shellText(what: string, text: string): string {
  if (text.includes('***'))
    throw new RangeError(
      `${what}: a secret would be seen in the process list: pass it by environment or stdin`,
    )
  if (text.includes('\0')) throw new RangeError(`${what}: a NUL byte cannot be part of a command`)
  return text
}

function word(text: string): string {
  return shellText('the command', text)
}

// A label is one line, and not a long one.
function short(text: string): string {
  const line = text.trim().replace(/[\0-\x1f\x7f]+ */g, ' ')
  return line.length > 100 ? `${line.slice(0, 99)}…` : line
}

function isGuarded(options: CommandOptions): boolean {
  return guards.some(guard => options[guard] !== undefined)
}

// One line for each item: a word for each guard, `-` where there is none; or `?` and why it can't be known.
function probeOf({ options }: WantedCommand): string {
  const path = (at: string | undefined) => (at === undefined ? "printf ' -'\n" : `there ${quote(at)}\n`)
  const line = (text: string | undefined) =>
    text === undefined
      ? "printf ' -'\n"
      : `if (\n${context(options)}${become(options, `timeout -k 5 60 sh -ec ${quote(text)}`)}\n) </dev/null >/dev/null 2>&1; then printf ' 1'; else printf ' 0'; fi\n`
  const asked = `${path(options.creates)}${path(options.removes)}${line(options.unless)}${line(options.onlyIf)}echo\n`
  if (options.unless === undefined && options.onlyIf === undefined) return asked
  const missing = [
    ...(options.as
      ? [{ when: `! id -u ${options.as} >/dev/null 2>&1`, why: `no user ${options.as} yet` }]
      : []),
    ...(options.in ? [{ when: `[ ! -d ${quote(options.in)} ]`, why: `no directory ${options.in} yet` }] : []),
  ]
  const cases = missing.map(({ when, why }) => `if ${when}; then printf '%s\\n' ${quote(` ? ${why}`)}\nel`)
  return missing.length === 0 ? asked : `${cases.join('')}se\n${asked}fi\n`
}

function readLine(line: string): State<FoundCommand> {
  if (line.startsWith(' ? ')) return unknown(line.slice(3))
  const answers = line.split(' ').slice(1)
  if (answers.length !== guards.length)
    throw new Error(`the guards of a command gave ${JSON.stringify(line)}`)
  const [creates, removes, unless, onlyIf] = answers.map(one => (one === '-' ? undefined : one === '1'))
  return known({ creates, removes, unless, onlyIf })
}

function context({ in: directory = '/', environment = {} }: CommandOptions): string {
  const variables = Object.entries(environment).map(
    ([key, value]) => `export ${key}=${quote(value instanceof Secret ? value.reveal() : value)}\n`,
  )
  return `cd -- ${quote(directory)} || exit\n${variables.join('')}`
}

// Source: setpriv(1). HOME and the groups are those of the user.
function become({ as: user }: CommandOptions, run: string): string {
  if (user === undefined) return `exec ${run}`
  return `HOME=$(getent passwd ${user} | cut -d: -f6) USER=${user} LOGNAME=${user} || exit; export HOME USER LOGNAME
exec setpriv --reuid=${user} --regid="$(id -g ${user})" --init-groups -- ${run}`
}

function state(what: string, found: string, wanted: string): readonly Difference[] {
  return [{ what, found, wanted }]
}
