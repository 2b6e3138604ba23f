import { CapstanError } from '#engine/errors.ts'
import { quote } from '#engine/quote.ts'
import { Secret } from '#engine/secret.ts'

/** The values of a command, ready for zx, and the secrets among them in the order of their variables. */
export interface Words {
  readonly values: readonly unknown[]
  readonly secrets: readonly Secret[]
}

/**
 * Checks the values of a command. A secret becomes a variable of the command's shell, which the command's text names and
 * never holds. Throws TypeError for undefined, null and objects without a text of their own; CapstanError
 * `secret-in-argv` for a secret that would become an argument or an environment variable of a program.
 */
export function wordsOf(pieces: readonly string[], values: readonly unknown[]): Words {
  const secrets: Secret[] = []
  const word = (value: unknown): unknown => {
    if (value instanceof Secret) return new Variable(secrets.push(value))
    if (Array.isArray(value)) return value.map(word)
    if (isPromise(value)) return Promise.resolve(value).then(word)
    if (!isText(value)) throw new TypeError(`a value of a command is ${described(value)}, expected a text`)
    return value
  }
  values.forEach((value, index) => {
    if (!holdsSecret(value)) return
    const program = programOf(textBefore(pieces, values, index), pieces[index + 1] ?? '')
    if (program !== undefined) throw secretInArgv(program)
  })
  return { values: values.map(word), secrets }
}

/** One word of a command for a POSIX shell: text is quoted, a secret is its variable. */
export function quoteWord(word: string): string {
  const variable = /^\0(\d+)\0$/.exec(word)
  return variable ? `"$${variableName(Number(variable[1]))}"` : quote(word)
}

/** Shell that sets the variables of secrets, which no program that is started sees. */
export function assignments(secrets: readonly Secret[]): string {
  return secrets.map((secret, index) => `${variableName(index + 1)}=${quote(secret.reveal())}\n`).join('')
}

/** The command as it is shown, each secret as `***`. */
export function shownCommand(command: string): string {
  return command.replace(/"\$capstan_secret_\d+"/g, '***')
}

function variableName(number: number): string {
  return `capstan_secret_${number}`
}

/** What zx makes a text of before it is quoted: no other word holds a NUL. */
class Variable {
  readonly #number: number
  constructor(number: number) {
    this.#number = number
  }
  toString(): string {
    return `\0${this.#number}\0`
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function'
}

function isText(value: unknown): boolean {
  return value !== undefined && value !== null && !/^\[object \w+\]$/.test(String(value))
}

function described(value: unknown): string {
  return value === null || value === undefined ? String(value) : Object.prototype.toString.call(value)
}

function holdsSecret(value: unknown): boolean {
  return value instanceof Secret || (Array.isArray(value) && value.some(holdsSecret))
}

function secretInArgv(program: string): CapstanError {
  return new CapstanError(
    'secret-in-argv',
    `a secret would be visible to every user as an argument of ${program}`,
    {
      hint: 'Pass it on stdin, as in $({ input: secret })`…` or `printf %s ${secret} | …`, or write it to a file with host.write(path, secret, { mode: 0o600 }).',
    },
  )
}

// Builtins of sh and bash that start no program, and words that no program gets.
const builtins = new Set(['printf', 'echo', 'test', '[', '[[', ':', 'true', 'false', 'set', 'case', 'read'])
const reserved = new Set(['if', 'then', 'else', 'elif', 'while', 'until', 'do', '!', '{', 'time'])

function textBefore(pieces: readonly string[], values: readonly unknown[], index: number): string {
  const known = (value: unknown) => (typeof value === 'string' && /^[\w./-]+$/.test(value) ? value : 'VALUE')
  return pieces
    .slice(0, index + 1)
    .map((piece, at) => piece + (at < index ? known(values[at]) : ''))
    .join('')
}

/** The program that a word between two texts would be an argument, or in the environment, of; undefined: none. */
function programOf(before: string, after: string): string | undefined {
  const words = simpleCommand(before)
  while (words[0] !== undefined && reserved.has(words[0])) words.shift()
  const last = words.at(-1) ?? ''
  if (/^<<<?$/.test(last)) return undefined
  const first = words.find(one => !/^\w+=/.test(one))
  if (first === undefined) return /^[^\s;&|()]*[ \t]+([^\s;&|()<>#]+)/.exec(after)?.[1]
  return builtins.has(first) ? undefined : first
}

/** The words of the last simple command of a text, the one that is not finished among them. */
function simpleCommand(text: string): string[] {
  const outer: string[][] = []
  let words: string[] = []
  let word = ''
  let quoted = ''
  const end = () => {
    if (word !== '') words.push(word)
    word = ''
  }
  const next = () => {
    end()
    words = []
  }
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? ''
    if (character === '\\' && quoted !== "'") word += text[++at] ?? ''
    else if (text.startsWith('$(', at) && quoted !== "'") {
      outer.push([...words, word, quoted])
      next()
      quoted = ''
      at += 1
    } else if (quoted !== '') {
      if (character === quoted) quoted = ''
      else word += character
    } else if (character === "'" || character === '"') quoted = character
    else if (character === ')' && outer.length > 0) {
      const before = outer.pop() ?? []
      quoted = before.pop() ?? ''
      word = `${before.pop() ?? ''}VALUE`
      words = before
    } else if (/[;&|\n()`]/.test(character)) next()
    else if (/\s/.test(character)) end()
    else word += character
  }
  end()
  return words
}
