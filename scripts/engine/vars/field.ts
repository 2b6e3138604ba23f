import * as v from 'valibot'
import { expected } from './expected.ts'
import type { Site } from './site.ts'

/** What a default may be computed from: `default: ({ site }) => site.domain`. */
export interface Scope {
  readonly site: Site
}

export type Default<T> = T | ((scope: Scope) => T)

export interface Options<T> {
  /** The value where the inventory gives none; without it the var is required. */
  readonly default?: Default<T>
  /** Its meaning, for the generated docs: a phrase without a full stop. */
  readonly is?: string
}

/** One var: how it is read, and what the docs say of it. `T` is the value that a role gets. */
export interface Field<T> {
  /** The kind in words, as an error wants it: `1–65535`, `a domain name such as www.foobar.com`. */
  readonly expects: string
  readonly is: string
  /** Absent where the var is required. */
  readonly default: { readonly value: Default<T> } | undefined
  /** The fields inside, of a group; the docs list each. */
  readonly fields: Fields | undefined
  /** Those of each value, of a map from names to groups; the docs list each. */
  readonly inside?: Fields | undefined
  schema(scope: Scope): v.GenericSchema<unknown, T>
}

export type Fields = Readonly<Record<string, Field<unknown>>>

export type ValuesOf<F extends Fields> = {
  readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never
}

interface Kind<T> {
  readonly expects: string
  readonly schema: (scope: Scope) => v.GenericSchema<unknown, T>
  readonly fields?: Fields
  readonly inside?: Fields | undefined
}

/** A field of a kind; one without a default refuses absence, null is absence. */
export function field<T>(kind: Kind<T>, options: Options<T>): Field<T> {
  const chosen = options.default === undefined ? undefined : { value: options.default }
  return {
    expects: kind.expects,
    is: options.is ?? '',
    default: chosen,
    fields: kind.fields,
    inside: kind.inside,
    schema(scope) {
      const schema = kind.schema(scope)
      return chosen === undefined ? schema : withDefault(schema, () => settled(chosen.value, scope))
    },
  }
}

/** A default as a value: a computed one is worked out from the scope. */
export function settled<T>(chosen: Default<T>, scope: Scope): T {
  return typeof chosen === 'function' ? (chosen as (scope: Scope) => T)(scope) : chosen
}

// The default passes through the schema as well, so that a computed one is held to the same rules.
function withDefault<T>(schema: v.GenericSchema<unknown, T>, value: () => T): v.GenericSchema<unknown, T> {
  return v.pipe(
    v.unknown(),
    v.transform(input => input ?? value()),
    schema,
  )
}

/** A field whose input is read in one go: `read` gives undefined for what is not what `expects` names. */
export function readField<T>(
  expects: string,
  read: (input: unknown) => T | undefined,
  options: Options<T>,
): Field<T> {
  const schema = v.pipe(
    v.unknown(),
    v.check(
      input => read(input) !== undefined,
      issue => expected(expects, issue.input),
    ),
    v.transform(input => read(input) as T),
  )
  return field<T>({ expects, schema: () => schema }, options)
}
