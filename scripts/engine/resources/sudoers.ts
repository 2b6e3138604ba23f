import { quote } from '#engine/quote.ts'
import { checkedLine, checkedMatch } from './checked.ts'
import { wantedFile } from './file.ts'
import { type FoundPath, path, type WantedPath } from './path.ts'
import type { Declare, DeclareOptions, Kind } from './resource.ts'
import { here } from './shell.ts'
import { accountName } from './user.ts'

export interface SudoRule {
  /** `deploy`, or `%admin` for a group. */
  readonly user: string
  /** Each an absolute path with its arguments, without wildcards; or `ALL`. */
  readonly commands: readonly string[]
  /** The user that the commands run as; root by default. `ALL`: any. */
  readonly as?: string
  /** Whether sudo asks for a password; true by default. */
  readonly password?: boolean
}

export interface SudoersOptions extends DeclareOptions {
  /** The text of the file, instead of a rule. */
  readonly content: string
}

export interface DeclareSudoers {
  (name: string, options: (SudoRule & DeclareOptions) | SudoersOptions): void
  absent(name: string, options?: DeclareOptions): void
}

/** `sudoers('deploy', { user: 'deploy', commands: ['/usr/bin/systemctl reload nginx'], password: false })`. Source: sudoers(5). */
export function sudoers(declare: Declare): DeclareSudoers {
  const present = (name: string, options: (SudoRule & DeclareOptions) | SudoersOptions): void => {
    const text = 'content' in options ? options.content : ruleOf(options)
    const wanted = wantedFile(fileOf(name), {
      content: `# Managed by Capstan.\n${text.trimEnd()}\n`,
      mode: '0440',
    })
    declare(files, { name, wanted }, options)
  }
  return Object.assign(present, {
    absent: (name: string, options: DeclareOptions = {}): void =>
      declare(files, { name, wanted: { type: 'absent', path: fileOf(name) } }, options),
  })
}

// A file that sudo can't read takes sudo away from everyone: it is checked before it is there.
const files: Kind<WantedPath, FoundPath> = {
  ...path,
  noun: 'sudoers',
  apply(wanted, found) {
    const step = path.apply(wanted, found)
    if (wanted.type !== 'file') return step
    return `command -v visudo >/dev/null || { echo "no visudo on this host: declare apt('sudo') before" >&2; return 1; }
candidate=$(mktemp); trap 'rm -f -- "$candidate"' EXIT
${here('cat >"$candidate"', wanted.content ?? '')}visudo -cf "$candidate" >/dev/null || { echo ${quote(`${wanted.path} was left as it is: visudo refuses the new one`)} >&2; return 1; }
${step}`
  },
}

// sudo passes over names with a dot.
function fileOf(name: string): string {
  return `/etc/sudoers.d/${checkedMatch('a name of letters, digits, - and _', /[A-Za-z0-9_-]+/, name)}`
}

function ruleOf({ user, commands, as = 'root', password = true }: SudoRule): string {
  if (commands.length === 0) throw new RangeError('expected at least one command that sudo allows')
  const who = user.startsWith('%') ? `%${accountName(user.slice(1))}` : accountName(user)
  const target = as === 'ALL' ? as : accountName(as)
  return `${who} ALL=(${target}) ${password ? '' : 'NOPASSWD: '}${commands.map(command).join(', ')}`
}

// A `*` matches spaces and slashes, too, and allows more than it seems to.
function command(text: string): string {
  if (text === 'ALL') return text
  checkedLine('a command that sudo allows', text)
  if (!/^\/\S+/.test(text) || /[*?[\]]/.test(text))
    throw new RangeError(
      `expected an absolute path with its arguments, without wildcards, got ${JSON.stringify(text)}: write others as content`,
    )
  // Since sudo 1.9.10 arguments from ^ to $ are a regular expression.
  if (/^\^|\s\^/.test(text))
    throw new RangeError(
      `expected arguments that do not begin with ^, which sudo reads as a pattern, got ${JSON.stringify(text)}: write it as content`,
    )
  return text.replace(/[\\,:=#]/g, '\\$&')
}
