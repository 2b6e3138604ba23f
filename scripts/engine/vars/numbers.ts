import * as v from 'valibot'
import { expected } from './expected.ts'
import { type Field, field, type Options, readField } from './field.ts'

interface Range {
  readonly min?: number
  readonly max?: number
}

/** A whole number. A string of digits is one too, since a value from the environment is always a string. */
export function integer(options: Options<number> & Range = {}): Field<number> {
  return ranged(range('a whole number', options), /^-?(0|[1-9]\d{0,14})$/, options, Number.isSafeInteger)
}

/** A number, whole or not. */
export function number(options: Options<number> & Range = {}): Field<number> {
  return ranged(range('a number', options), /^-?(0|[1-9]\d{0,14})(\.\d{1,15})?$/, options, Number.isFinite)
}

/** A TCP or UDP port. */
export function port(options: Options<number> = {}): Field<number> {
  return integer({ ...options, min: 1, max: 65_535 })
}

/** `true` or `false`; YAML 1.2 reads `yes` and `no` as text, and they are refused. */
export function flag(options: Options<boolean> = {}): Field<boolean> {
  const expects = 'true or false'
  const schema = v.pipe(
    v.unknown(),
    v.transform(input => (input === 'true' ? true : input === 'false' ? false : input)),
    v.boolean(issue => expected(expects, issue.input)),
  )
  return field({ expects, schema: () => schema }, options)
}

function ranged(
  expects: string,
  decimal: RegExp,
  options: Options<number> & Range,
  fits: (value: number) => boolean,
): Field<number> {
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = options
  const read = (input: unknown) => {
    const value = typeof input === 'string' && decimal.test(input) ? Number(input) : input
    return typeof value === 'number' && fits(value) && value >= min && value <= max ? value : undefined
  }
  return readField(expects, read, options)
}

function range(noun: string, { min, max }: Range): string {
  if (min !== undefined && max !== undefined) return `${min}–${max}`
  if (min !== undefined) return `${noun} of at least ${min}`
  if (max !== undefined) return `${noun} of at most ${max}`
  return noun
}
