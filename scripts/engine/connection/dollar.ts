import { HostError } from '../errors.ts'
import { quote } from '../quote.ts'
import { mask, Secret } from '../secret.ts'
import type { Connection, RunOptions } from './connection.ts'

/** A word of a command; an array is as many words as it has items, none when it is empty. */
type Word = string | number | Secret
type Value = Word | readonly Word[]

interface Result {
  /** Without its trailing newlines. */
  readonly stdout: string
  readonly stderr: string
  readonly exitCode: number
}

type Run = (strings: TemplateStringsArray, ...values: readonly Value[]) => Promise<Result>

/** A tag that runs what it reads on the host; a non-zero exit throws, unless asked of `nothrow`. */
export interface Dollar extends Run {
  readonly nothrow: Run
}

/**
 * The tag for ad-hoc commands on a host: ``await $`systemctl is-active ${unit}` ``. Every value is one quoted
 * word for a POSIX sh; the command travels on stdin, so a Secret may be in it. Throws HostError.
 */
export function dollar(connection: Connection, options: RunOptions = {}): Dollar {
  const nothrow: Run = async (strings, ...values) => {
    const outcome = await connection.run(weave(strings, values, word), options)
    return {
      stdout: outcome.stdout.toString().replace(/\n+$/, ''),
      stderr: outcome.stderr.toString().replace(/\n+$/, ''),
      exitCode: outcome.exitCode,
    }
  }
  const run: Run = async (strings, ...values) => {
    const result = await nothrow(strings, ...values)
    if (result.exitCode === 0) return result
    const command = mask(weave(strings, values, shown))
    throw new HostError('command', `${connection.host}: ${command} exited with ${result.exitCode}`, {
      lines: result.stderr.split('\n').filter(Boolean).slice(-10),
    })
  }
  return Object.assign(run, { nothrow })
}

function weave(
  strings: TemplateStringsArray,
  values: readonly Value[],
  render: (value: Word) => string,
): string {
  return strings.reduce((script, text, index) => {
    const value = values[index - 1]
    const words = isList(value) ? value : [value as Word]
    return script + words.map(render).join(' ') + text
  })
}

function isList(value: Value | undefined): value is readonly Word[] {
  return Array.isArray(value)
}

function word(value: Word): string {
  if (value instanceof Secret) return quote(value.reveal())
  if (typeof value === 'string' || typeof value === 'number') return quote(String(value))
  throw new TypeError(`a value of a command is a string, a number or a Secret, got ${typeof value}`)
}

function shown(value: Word): string {
  return value instanceof Secret ? '***' : quote(String(value))
}
