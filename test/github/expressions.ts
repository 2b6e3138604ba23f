import { data, Evaluator, Lexer, Parser } from '@actions/expressions'

/** What expressions see: `github`, `inputs`, `secrets`, `steps`, `needs`, `env`, `runner` … */
export type Contexts = Readonly<Record<string, unknown>>

/** How the job stands, for `success()`, `failure()`, `cancelled()` and `always()`. */
export interface Status {
  readonly failed: boolean
  readonly cancelled: boolean
}

const well: Status = { failed: false, cancelled: false }

/** Text with its `${{ … }}` replaced, by GitHub's own evaluator. Gives the value itself where it is one alone. */
export function interpolate(text: unknown, contexts: Contexts): unknown {
  if (typeof text !== 'string') return text
  const alone = /^\s*\$\{\{((?:(?!\}\}).)*)\}\}\s*$/s.exec(text)
  if (alone?.[1] !== undefined) return plain(evaluate(alone[1], contexts, well))
  return text.replace(/\$\{\{(.*?)\}\}/gs, (_all, expression: string) =>
    evaluate(expression, contexts, well).coerceString(),
  )
}

/** Whether a job or step runs: `success()` is understood where the condition asks for no status. */
export function holds(condition: string | undefined, contexts: Contexts, status: Status): boolean {
  const text = (condition ?? 'success()').trim().replace(/^\$\{\{(.*)\}\}$/s, '$1')
  const asks = /\b(success|failure|cancelled|always)\s*\(/.test(text)
  return truthy(evaluate(asks ? text : `success() && (${text})`, contexts, status))
}

function evaluate(
  expression: string,
  contexts: Contexts,
  { failed, cancelled }: Status,
): data.ExpressionData {
  const states = {
    success: !failed && !cancelled,
    failure: failed && !cancelled,
    cancelled,
    always: true,
  }
  const functions = Object.entries(states).map(([name, value]) => ({
    name,
    minArgs: 0,
    maxArgs: 0,
    call: () => new data.BooleanData(value),
  }))
  const { tokens } = new Lexer(expression).lex()
  const tree = new Parser(tokens, Object.keys(contexts), functions).parse()
  const values = JSON.parse(JSON.stringify(contexts), data.reviver) as data.Dictionary
  return new Evaluator(tree, values, new Map(functions.map(one => [one.name, one]))).evaluate()
}

function truthy(value: data.ExpressionData): boolean {
  return Boolean(plain(value))
}

function plain(value: data.ExpressionData): unknown {
  return JSON.parse(JSON.stringify(value, data.replacer))
}
