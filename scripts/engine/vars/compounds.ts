import * as v from 'valibot'
import { orNearest } from '#engine/nearest.ts'
import { expected } from './expected.ts'
import { type Field, type Fields, field, type Options, type Scope, type ValuesOf } from './field.ts'

/** One of a few words or numbers. */
export function choice<const T extends string | number>(
  choices: readonly T[],
  options: Options<NoInfer<T>> = {},
): Field<T> {
  const expects = choices.map(String).join(' or ')
  const schema = v.picklist(choices, issue => expected(expects, issue.input))
  return field<T>({ expects, schema: () => schema }, options)
}

/** Any number of values of one kind; `min` and `max` count them. */
export function list<T>(
  item: Field<T>,
  options: Options<readonly NoInfer<T>[]> & { readonly min?: number; readonly max?: number } = {},
): Field<readonly T[]> {
  const { min = 0, max = 10_000 } = options
  const expects = min > 0 ? `a list of at least ${min}, each ${item.expects}` : `a list, each ${item.expects}`
  const schema = (scope: Scope) =>
    v.pipe(
      v.array(item.schema(scope), issue => expected(expects, issue.input)),
      v.check(
        items => items.length >= min && items.length <= max,
        issue => expected(expects, issue.input),
      ),
    )
  return field<readonly T[]>({ expects, schema }, options)
}

/** A map from names of the reader's own choice to values of one kind. */
export function record<T>(
  value: Field<T>,
  options: Options<Readonly<Record<string, NoInfer<T>>>> & { readonly keys?: Field<string> } = {},
): Field<Readonly<Record<string, T>>> {
  const expects = `a map, each ${value.expects}`
  const plainKey = v.pipe(
    v.string(),
    v.regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/, issue =>
      expected('a name of letters, digits, _, . or -', issue.input),
    ),
  )
  const schema = (scope: Scope) =>
    v.pipe(
      mapSchema(expects),
      v.record(
        options.keys === undefined
          ? plainKey
          : (options.keys.schema(scope) as v.GenericSchema<string, string>),
        value.schema(scope),
      ),
    )
  return field<Readonly<Record<string, T>>>({ expects, schema, inside: value.fields }, options)
}

/** Vars within a var. Where the whole group is absent, each of its fields takes its own default. */
export function group<const F extends Fields>(
  fields: F,
  options: Omit<Options<unknown>, 'default'> = {},
): Field<ValuesOf<F>> {
  const schema = (scope: Scope) =>
    v.pipe(
      v.unknown(),
      v.transform(input => input ?? {}),
      fieldsSchema(fields, scope),
    )
  return field<ValuesOf<F>>({ expects: 'a map', schema, fields }, options)
}

/** The same, or where the inventory gives nothing what `from` computes; without it, undefined. */
export function optional<T>(
  inner: Field<T>,
  from: (scope: Scope) => T | undefined = () => undefined,
): Field<T | undefined> {
  return {
    ...inner,
    default: { value: from },
    schema: scope =>
      v.pipe(
        v.nullish(inner.schema(scope)),
        v.transform(value => value ?? from(scope)),
      ),
  }
}

/** A map of exactly these keys: an unknown one is refused, with the one it may be a slip of. */
export function fieldsSchema<F extends Fields>(
  fields: F,
  scope: Scope,
): v.GenericSchema<unknown, ValuesOf<F>> {
  // Without a prototype, or valibot would know the key toString.
  const entries: Record<string, v.GenericSchema> = Object.create(null)
  for (const [name, each] of Object.entries(fields)) entries[name] = present(each, scope)
  const names = Object.keys(fields)
  const schema = v.pipe(
    mapSchema('a map'),
    v.looseObject(entries, issue => {
      const missing = fields[String(issue.path?.[0]?.key)]
      return expected(missing?.expects ?? 'a map', issue.input)
    }),
    v.rawCheck(({ dataset, addIssue }) => {
      for (const [key, value] of Object.entries(Object(dataset.value))) {
        if (Object.hasOwn(entries, key)) continue
        const path = { type: 'object', origin: 'key', input: {}, key, value } as const
        addIssue({ message: `unknown key${orNearest(key, names)}`, path: [path] })
      }
    }),
  )
  return schema as unknown as v.GenericSchema<unknown, ValuesOf<F>>
}

function mapSchema(expects: string) {
  return v.pipe(
    v.unknown(),
    v.check(isMap, issue => expected(expects, issue.input)),
  )
}

function isMap(input: unknown): boolean {
  return typeof input === 'object' && input !== null && Object.getPrototypeOf(input) === Object.prototype
}

// An entry of an object must be there unless its schema is optional; ours judge absence themselves.
function present(each: Field<unknown>, scope: Scope): v.GenericSchema {
  const schema = each.schema(scope)
  return each.default === undefined && each.fields === undefined ? schema : v.optional(schema, null)
}
