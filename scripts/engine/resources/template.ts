import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { inspect } from 'node:util'
import ejs from 'ejs'
import { CapstanError } from '#engine/errors.ts'
import { Secret } from '#engine/secret.ts'
import { type AttributeOptions, wantedFile } from './file.ts'
import { path } from './path.ts'
import type { Declare } from './resource.ts'

export interface TemplateOptions extends AttributeOptions {
  /** The values the template names, each by its key; one that it names and that isn't here is an error. */
  readonly vars?: Readonly<Record<string, unknown>>
  /** The template's path below `templates/`, where it isn't the path on the host. */
  readonly from?: string
}

/**
 * `template('/etc/nginx/nginx.conf', { vars })`: the file `templates/etc/nginx/nginx.conf.ejs` of the role,
 * rendered. `<%= %>` takes one line of text or a number; a Secret in it makes the whole file secret.
 */
export function template(declare: Declare, role: { readonly directory: string }) {
  return (at: string, options: TemplateOptions = {}): void => {
    const file = join(role.directory, 'templates', `${options.from ?? at}.ejs`)
    const content = render(file, options.vars ?? {})
    declare(path, { noun: 'template', name: at, wanted: wantedFile(at, { ...options, content }) }, options)
  }
}

/** The text of an EJS file with these values; a Secret when any of them is. Throws CapstanError with file and line. */
export function render(file: string, vars: Readonly<Record<string, unknown>>): string | Secret {
  const name = relative(process.cwd(), file)
  let secret = false
  const write = (value: unknown): string => {
    if (value instanceof Secret) secret = true
    return oneLine(value instanceof Secret ? value.reveal() : value)
  }
  try {
    const text = ejs.compile(withoutRaw(source(file)), {
      filename: name,
      escape: write,
      strict: true,
      _with: false,
      destructuredLocals: Object.keys(vars),
      rmWhitespace: false,
    })(strictly(vars))
    return secret ? new Secret(text) : text
  } catch (error) {
    if (error instanceof CapstanError) throw error
    throw renderError(name, error)
  }
}

function source(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const where = relative(process.cwd(), file)
    throw new CapstanError('template-missing', `${where}: no such template`, {
      hint: 'A template lies below its role’s templates/ at the path it has on the host, with .ejs at its end.',
      cause,
    })
  }
}

// `<%- %>` writes text that nothing has looked at: a second line, a secret as three stars.
function withoutRaw(text: string): string {
  const line = text.split('\n').findIndex(one => one.includes('<%-')) + 1
  if (line > 0) throw new Error(`ejs:${line}\n<%- is not for templates of files: write <%=`)
  return text
}

// EJS renders an undefined property as nothing: a missing value must be an error that names it.
function strictly<T extends object>(values: T, at = ''): T {
  const proxy = new Proxy(values, {
    get(target, key, receiver) {
      const value: unknown = Reflect.get(target, key, receiver)
      if (typeof key === 'symbol' || key === 'toJSON' || value instanceof Secret) return value
      if (value === undefined && !(key in target)) throw new Error(`${at}${key} is not defined`)
      return isPlain(value) ? strictly(value, `${at}${key}.`) : value
    },
  })
  targets.set(proxy, values)
  return proxy
}

// What stands behind each proxy of `strictly`: since Node 26 `inspect` prints a proxy as `Proxy({ … })`.
const targets = new WeakMap<object, object>()

function shown(value: unknown): string {
  const target = typeof value === 'object' && value !== null ? targets.get(value) : undefined
  return inspect(target ?? value, { breakLength: Infinity })
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null || Array.isArray(value)
}

function oneLine(value: unknown): string {
  if (Number.isFinite(value) || typeof value === 'boolean') return String(value)
  if (typeof value !== 'string') throw new Error(`expected text or a number, got ${shown(value)}`)
  if (/[\0-\x1f\x7f]/.test(value)) throw new Error('a control character or a second line in a value')
  if (value.includes('***'))
    throw new Error('a secret was joined to other text: write it by a tag of its own')
  return value
}

// EJS puts `file:line`, an excerpt marked with `>>` and the reason into one message.
function renderError(name: string, cause: unknown): CapstanError {
  const text = cause instanceof Error ? cause.message : String(cause)
  const line = /ejs:(\d+)/.exec(text)?.[1]
  const reason = text.trim().split('\n').at(-1) ?? text
  const excerpt = text.split('\n').filter(one => /^\s*>>/.test(one))
  return new CapstanError('template', `${name}${line ? `:${line}` : ''}: ${reason}`, {
    where: line ? `${name}:${line}` : name,
    lines: excerpt,
    hint: 'Each value that a template names must be in the `vars` of its declaration.',
    cause,
  })
}
