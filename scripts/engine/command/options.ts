import { type ParseArgsConfig, parseArgs } from 'node:util'
import { UsageError } from '#engine/errors.ts'

type Options = NonNullable<ParseArgsConfig['options']>

/** Flags as parseArgs reads them; throws UsageError for one that isn't there, naming it and where help is. */
export function parseFlags<const O extends Options>(
  args: readonly string[],
  options: O,
  script: string,
  positionals = false,
) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: positionals, strict: true })
  } catch (error) {
    if (!(error instanceof TypeError) || !('code' in error)) throw error
    const [said = ''] = error.message.split('. ')
    throw new UsageError('usage', said, { hint: `npx zx scripts/${script} --help lists the options.` })
  }
}

/** A count like `-f 20`; throws UsageError outside min–max. */
export function parseCount(flag: string, given: string, min: number, max: number): number {
  const value = Number(given)
  if (Number.isInteger(value) && value >= min && value <= max) return value
  throw new UsageError('usage', `${flag}: expected ${min}–${max}, got ${JSON.stringify(given)}`)
}

/** Names given by repeated and comma-separated flags: `-t nginx,app -t tls`. */
export function parseNames(given: readonly string[] | undefined): readonly string[] {
  return (given ?? []).flatMap(names => names.split(',')).filter(Boolean)
}
