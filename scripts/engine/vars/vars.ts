import * as v from 'valibot'
import { fieldsSchema } from './compounds.ts'
import { type Field, type Fields, type Scope, settled, type ValuesOf } from './field.ts'
import type { Site } from './site.ts'

/** One value that is refused: `nginx.port`, `expected 1–65535, got "22a"`. */
export interface Problem {
  readonly path: readonly string[]
  readonly message: string
}

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] }

/** A line of a role's generated docs. */
export interface Description {
  /** Its path within the role: `limits.body`. */
  readonly name: string
  /** The kind in words: `1–65535`. */
  readonly type: string
  /** The default as YAML would have it; undefined: the var is required; an empty string: optional, unset. */
  readonly default: string | undefined
  readonly is: string
}

/** A role's interface: its vars, their kinds, defaults and meanings. */
export interface Vars<T> {
  readonly fields: Fields
  /** The keys that a site can have a value of its own for; the others are of the whole host. */
  readonly ofSite: readonly string[]
  /**
   * The values of a role from what the inventory says, defaults filled in, or every problem at once. Without
   * `site`, as for the site itself, computed defaults see the values that stand beside them.
   */
  parse(input: unknown, site?: Site): Parsed<T>
  describe(site: Site): readonly Description[]
}

export type VarsOf<V extends Vars<unknown>> = V extends Vars<infer T> ? T : never

/** Declares a role's vars; the default export of its vars.ts. `ofSite`: those that a site can set for itself. */
export function vars<const F extends Fields>(
  fields: F,
  { ofSite = [] }: { readonly ofSite?: readonly (keyof F & string)[] } = {},
): Vars<ValuesOf<F>> {
  return {
    fields,
    ofSite,
    parse(input, site) {
      const given = input ?? {}
      const schema = fieldsSchema(fields, { site: site ?? beside(fields, given) })
      const read = v.safeParse(schema, given)
      if (read.success) return { ok: true, value: read.output }
      return { ok: false, problems: causes(read.issues.map(problem), fields, Object(given)) }
    },
    describe: site => described(fields, [], { site }),
  }
}

function problem(issue: v.BaseIssue<unknown>): Problem {
  return { path: (issue.path ?? []).map(item => String(item.key)), message: issue.message }
}

// A default computed from a wrong value is wrong as well: the value alone is told.
function causes(problems: readonly Problem[], fields: Fields, given: object): readonly Problem[] {
  const isComputed = ({ path: [key = ''] }: Problem) =>
    typeof fields[key]?.default?.value === 'function' && !(key in given)
  const own = problems.filter(each => !isComputed(each))
  return own.length > 0 ? own : problems
}

// Unchecked: where one of these is wrong, the parse as a whole fails and no computed default is used.
function beside(fields: Fields, given: unknown): Site {
  const plain = Object.entries(fields).flatMap(([name, each]) =>
    each.default === undefined || typeof each.default.value === 'function'
      ? []
      : [[name, each.default.value]],
  )
  return { ...Object.fromEntries(plain), ...(typeof given === 'object' ? given : {}) } as Site
}

function described(fields: Fields, path: readonly string[], scope: Scope): Description[] {
  return Object.entries(fields).flatMap(([key, each]) =>
    each.fields === undefined
      ? [
          {
            name: [...path, key].join('.'),
            type: each.expects,
            default: shownDefault(each, scope),
            is: each.is,
          },
          ...described(each.inside ?? {}, [...path, key, '<name>'], scope),
        ]
      : described(each.fields, [...path, key], scope),
  )
}

function shownDefault(each: Field<unknown>, scope: Scope): string | undefined {
  if (each.default === undefined) return undefined
  const value = settled(each.default.value, scope)
  return value === undefined ? '' : JSON.stringify(value)
}
