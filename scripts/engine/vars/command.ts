import { type Field, type Options, readField } from './field.ts'

/**
 * A program and its arguments: a list, or one line that is split at spaces. No shell reads either, so a line with
 * quotes, `$`, `|` or others that a shell would act on is refused: it would not do what it says.
 */
export function command(options: Options<readonly string[]> = {}): Field<readonly string[]> {
  const args = 'a program and its arguments, as a list or as a line without quotes, $, | and the like'
  return readField(args, commandIn, options)
}

function commandIn(input: unknown): readonly string[] | undefined {
  const args = wordsOf(input)
  return isCommand(args) ? args : undefined
}

const shellsOwn = /['"`\\$&|;<>()*?[\]{}!#~%]/

function wordsOf(input: unknown): readonly string[] | undefined {
  if (typeof input === 'string')
    return shellsOwn.test(input) ? undefined : input.split(' ').filter(word => word !== '')
  if (!Array.isArray(input)) return undefined
  const args = input.map(word => (Number.isSafeInteger(word) ? String(word) : word))
  return args.every(word => typeof word === 'string') ? args : undefined
}

// Its first character says nothing to systemd, which takes some for orders: `+` would run it as root.
const program = /^[A-Za-z0-9_./][A-Za-z0-9_./+@:-]*$/

// Cc: controls; Cs: halves of a character that no encoding can write; 2028, 2029: line ends to some readers.
function isCommand(args: readonly string[] | undefined): boolean {
  const [first = '', ...others] = args ?? []
  return (
    program.test(first) &&
    others.every(word => word.length <= 32_768 && !/[\p{Cc}\p{Cs}\u2028\u2029]/u.test(word))
  )
}
