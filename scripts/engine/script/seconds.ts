/** How long to wait: a number of seconds, or a text such as zx takes: `500ms`, `30s`, `5m`. */
export type Timeout = number | `${number}${'ms' | 's' | 'm'}`

/** A timeout in seconds. Throws TypeError where it is another value, or not above zero. */
export function seconds(timeout: Timeout): number {
  const [, number = '', unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(String(timeout)) ?? []
  const all = Number(number) * ({ ms: 0.001, s: 1, m: 60 }[unit] ?? 1)
  if (all > 0) return all
  throw new TypeError(`timeout: expected seconds or a time such as '30s', got ${JSON.stringify(timeout)}`)
}
