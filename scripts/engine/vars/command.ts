import { type Field, type Options, readField } from './field.ts'

/**
 * A program and its words: a list, or one line that is split at spaces. No shell reads either, so a line with
 * quotes, `$`, `|` or others that a shell would act on is refused: it would not do what it says.
 */
export function command(options: Options<readonly string[]> = {}): Field<readonly string[]> {
  const words = 'a program and its words, as a list or as a line without quotes, $, | and the like'
  return readField(words, commandIn, options)
}

function commandIn(input: unknown): readonly string[] | undefined {
  const words = wordsOf(input)
  return isCommand(words) ? words : undefined
}

const shellsOwn = /['"`\\$&|;<>()*?[\]{}!#~%]/

function wordsOf(input: unknown): readonly string[] | undefined {
  if (typeof input === 'string')
    return shellsOwn.test(input) ? undefined : input.split(' ').filter(word => word !== '')
  if (!Array.isArray(input)) return undefined
  const words = input.map(word => (Number.isSafeInteger(word) ? String(word) : word))
  return words.every(word => typeof word === 'string') ? words : undefined
}

// Its first character says nothing to systemd, which takes some for orders: `+` would run it as root.
const program = /^[A-Za-z0-9_./][A-Za-z0-9_./+@:-]*$/

// Cc: controls; Cs: halves of a character that no encoding can write; 2028, 2029: line ends to some readers.
function isCommand(words: readonly string[] | undefined): boolean {
  const [first = '', ...others] = words ?? []
  return (
    program.test(first) &&
    others.every(word => word.length <= 32_768 && !/[\p{Cc}\p{Cs}\u2028\u2029]/u.test(word))
  )
}
