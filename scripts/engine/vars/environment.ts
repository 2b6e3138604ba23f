import { Secret } from '#engine/secret.ts'
import { type Field, type Options, readField } from './field.ts'

/**
 * What an environment variable may be: one line, also an empty one, at most 32 KiB. A number or a flag is its text;
 * a value from `!secret NAME` stays a Secret.
 */
export function environmentValue(options: Options<string | Secret> = {}): Field<string | Secret> {
  const expects = 'one line of text, a number, true or false, or a secret'
  const read = (input: unknown) => {
    if (!isLine(plain(input))) return undefined
    return input instanceof Secret ? input : String(input)
  }
  return readField(expects, read, options)
}

function plain(input: unknown): unknown {
  if (input instanceof Secret) return input.reveal()
  return typeof input === 'number' || typeof input === 'boolean' ? String(input) : input
}

// Cc: controls; Cs: halves of a character that no encoding can write.
function isLine(value: unknown): boolean {
  return typeof value === 'string' && value.length <= 32_768 && !/[\p{Cc}\p{Cs}]/u.test(value)
}
