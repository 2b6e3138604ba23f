import { checkedLine, checkedMatch, checkedPath } from './checked.ts'
import type { Declare, DeclareOptions, RolePlace } from './resource.ts'
import { service, unit } from './service.ts'
import { accountName } from './user.ts'

export interface TimerOptions extends DeclareOptions {
  /** A program and its arguments, or a shell line. */
  readonly command: string | readonly string[]
  /** When, as systemd.time(7) has it: `daily`, `Mon..Fri 04:05`, `*:0/15`; or a list. */
  readonly at: string | readonly string[]
  /** Runs at the next boot where its time passed while the host was down; true by default. */
  readonly persistent?: boolean
  /** Each start is delayed by a random time up to this: `15min`; none by default. */
  readonly randomDelay?: string
  /** The user that runs it; root by default. */
  readonly as?: string
  readonly in?: string
  readonly environment?: Readonly<Record<string, string>>
}

export interface DeclareTimer {
  (name: string, options: TimerOptions): void
  /** Stopped, and neither unit there; what it has started goes on. */
  absent(name: string, options?: DeclareOptions): void
}

/** `timer('backup', { at: 'daily', command: ['/usr/local/bin/backup'] })`: two units and their service, from one line. */
export function timer(declare: Declare, role: RolePlace): DeclareTimer {
  const units = unit(declare, role)
  const services = service(declare)
  const present = (name: string, { notify, ...options }: TimerOptions): void => {
    const rest = notify === undefined ? {} : { notify }
    checkedName(name)
    units(`${name}.service`, { content: serviceText(name, options), ...rest })
    units(`${name}.timer`, { content: timerText(name, options), ...rest })
    services(`${name}.timer`, { enabled: true, running: true, ...rest })
  }
  return Object.assign(present, {
    absent(name: string, options: DeclareOptions = {}): void {
      services(`${checkedName(name)}.timer`, { enabled: false, running: false, ...options })
      units.absent(`${name}.timer`, options)
      units.absent(`${name}.service`, options)
    },
  })
}

// Source: systemd.service(5), systemd.exec(5).
function serviceText(name: string, options: TimerOptions): string {
  const { command, as, in: directory, environment = {} } = options
  const args = typeof command === 'string' ? ['/bin/sh', '-ec', command] : command
  if (!args[0]) throw new RangeError(`timer ${name}: expected a program as the first word of its command`)
  const variables = Object.entries(environment).map(([key, value]) => {
    checkedMatch('the name of a variable', /[A-Za-z_][A-Za-z0-9_]*/, key)
    return `Environment=${word(`${key}=${value}`, '$')}`
  })
  return lines(
    '# Managed by Capstan.',
    ...['[Unit]', `Description=${name}, by its timer`, '', '[Service]', 'Type=oneshot'],
    ...(as === undefined ? [] : [`User=${accountName(as)}`]),
    ...(directory === undefined ? [] : [`WorkingDirectory=${checkedPath(directory).replaceAll('%', '%%')}`]),
    ...variables,
    `ExecStart=${args.map(one => word(one, '$$')).join(' ')}`,
  )
}

// Source: systemd.timer(5).
function timerText(name: string, { at, persistent = true, randomDelay }: TimerOptions): string {
  const times = [at].flat().map(time => `OnCalendar=${checkedLine('a time of a timer', time)}`)
  if (times.length === 0) throw new RangeError(`timer ${name}: expected at least one time`)
  return lines(
    '# Managed by Capstan.',
    ...['[Unit]', `Description=Timer of ${name}`, '', '[Timer]', ...times],
    `Persistent=${persistent ? 'yes' : 'no'}`,
    ...(randomDelay === undefined
      ? []
      : [`RandomizedDelaySec=${checkedMatch('a time span such as 15min', /[0-9a-z. ]+/, randomDelay)}`]),
    ...['', '[Install]', 'WantedBy=timers.target'],
  )
}

/** A word in systemd's quotes; `dollar` is how it writes a $ there. */
function word(text: string, dollar: '$' | '$$'): string {
  if (text.includes('\0')) throw new RangeError('a NUL byte cannot be part of a unit')
  if (text.includes('***')) throw new RangeError('a unit can be read by everyone: it can’t hold a secret')
  const escaped = text
    .replace(/[\\"]/g, '\\$&')
    .replaceAll('%', '%%')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
  return `"${escaped.replaceAll('$', () => dollar)}"`
}

function checkedName(name: string): string {
  return checkedMatch('a name of letters, digits, ., - and _', /[A-Za-z0-9_][A-Za-z0-9_.-]*/, name)
}

function lines(...all: readonly string[]): string {
  return `${all.join('\n')}\n`
}
