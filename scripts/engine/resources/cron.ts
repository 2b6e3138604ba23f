import { Secret } from '#engine/secret.ts'
import { checkedLine, checkedMatch } from './checked.ts'
import { wantedFile } from './file.ts'
import { path } from './path.ts'
import type { Declare, DeclareOptions } from './resource.ts'
import { accountName } from './user.ts'

export interface CronOptions extends DeclareOptions {
  /** The five fields of crontab(5), `5 4 * * *`, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`, `@reboot`. */
  readonly at: string
  /** A shell line. */
  readonly command: string
  /** The user that runs it; root by default. */
  readonly as?: string
  /** Variables for the command, MAILTO and PATH among them. A Secret makes the file readable for root alone. */
  readonly environment?: Readonly<Record<string, string | Secret>>
}

export interface DeclareCron {
  (name: string, options: CronOptions): void
  absent(name: string, options?: DeclareOptions): void
}

/** `cron('backup', { at: '5 4 * * *', command: '/usr/local/bin/backup' })`: the file /etc/cron.d/backup. Source: crontab(5), cron(8). */
export function cron(declare: Declare): DeclareCron {
  const present = (
    name: string,
    { at, command, as = 'root', environment = {}, ...options }: CronOptions,
  ): void => {
    const entries = Object.entries(environment)
    const lines = [
      '# Managed by Capstan.',
      ...entries.map(([key, value]) => variable(key, value instanceof Secret ? value.reveal() : value)),
      `${checkedTime(at)} ${accountName(as)} ${checkedCommand(command)}`,
    ]
    const text = `${lines.join('\n')}\n`
    const content = entries.some(([, value]) => value instanceof Secret) ? new Secret(text) : text
    declare(path, { noun: 'cron', name, wanted: wantedFile(fileOf(name), { content }) }, options)
  }
  return Object.assign(present, {
    absent: (name: string, options: DeclareOptions = {}): void =>
      declare(path, { noun: 'cron', name, wanted: { type: 'absent', path: fileOf(name) } }, options),
  })
}

// cron passes over files with other names.
function fileOf(name: string): string {
  return `/etc/cron.d/${checkedMatch('a name of letters, digits, - and _', /[A-Za-z0-9_-]+/, name)}`
}

// A bare % ends a command and begins what it reads; a backslash before % or another backslash is taken away. Source: crontab(5),
// do_command.c of cron. What is too long makes cron refuse the whole file.
function checkedCommand(command: string): string {
  const written = checkedLine('a command of cron', command).replace(/[\\%]/g, '\\$&')
  if (Buffer.byteLength(written) <= longest) return written
  throw new RangeError(
    `expected a command of ${longest} bytes at most, as cron reads no longer one, got ${Buffer.byteLength(written)}: put it into a script`,
  )
}

const longest = 998

function checkedTime(at: string): string {
  if (/^@(reboot|hourly|daily|weekly|monthly|yearly|annually|midnight)$/.test(at)) return at
  const fields = at.split(/[ \t]+/)
  if (fields.length === 5 && fields.every(isField)) return fields.join(' ')
  throw new RangeError(`expected five fields such as '5 4 * * *', or @daily, got ${JSON.stringify(at)}`)
}

const limits = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 7],
] as const

function isField(field: string, index: number): boolean {
  const [least, most] = limits[index] ?? [0, 0]
  return field.split(',').every(part => {
    const [, name, from, to, step] = /^(?:\*|([A-Za-z]{3})|(\d+)(?:-(\d+))?)(?:\/([1-9]\d*))?$/.exec(
      part,
    ) ?? ['none', 'none']
    // A step needs a range: cron refuses the whole file for `5/10`.
    if (from !== undefined && to === undefined && step !== undefined) return false
    if (name !== undefined) return step === undefined && (names[index] ?? []).includes(name.toLowerCase())
    const numbers = [from, to].filter(one => one !== undefined).map(Number)
    return numbers.every(one => one >= least && one <= most) && (numbers[0] ?? 0) <= (numbers[1] ?? most)
  })
}

const names: Readonly<Record<number, readonly string[]>> = {
  3: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
  4: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'],
}

// cron takes one pair of quotes away and knows no other escape.
function variable(key: string, value: string): string {
  checkedMatch('the name of a variable', /[A-Za-z_][A-Za-z0-9_]*/, key)
  if (value !== '') checkedLine(key, value)
  const mark = value.includes('"') ? "'" : '"'
  if (value.includes(mark)) throw new RangeError(`${key}: cron reads no value with both kinds of quotes`)
  return `${key}=${mark}${value}${mark}`
}
