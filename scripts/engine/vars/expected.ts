import { Secret } from '#engine/secret.ts'

/** `expected 1–65535, got "22a"`: the one sentence of every refused value. A secret is never echoed. */
export function expected(expects: string, input: unknown): string {
  return `expected ${expects}, got ${shown(input)}`
}

const longest = 60

function shown(input: unknown): string {
  if (input === undefined) return 'nothing'
  if (input === null) return 'null'
  if (input instanceof Secret) return 'a secret'
  if (Array.isArray(input)) return input.length === 0 ? 'an empty list' : `a list of ${input.length}`
  if (typeof input === 'object') return 'a map'
  if (typeof input !== 'string') return String(input)
  const text = input.length > longest ? `${input.slice(0, longest)}…` : input
  return visible(JSON.stringify(text))
}

// JSON leaves DEL, the C1 controls and the line separators as they are; a terminal would act on them.
function visible(json: string): string {
  return json.replace(
    /[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
