import { cleanLines } from '../clean.ts'

/** The last lines that one resource or step printed on its host, masked. Text comes in any pieces. */
export interface Printed {
  add(text: string): void
  lines(): readonly string[]
}

/** What was printed in the whole run, each text once. */
export interface PrintedTexts {
  /** The lines to keep; what has no room is left out, and a line says so. Undefined where nothing was printed. */
  keep(lines: readonly string[]): readonly string[] | undefined
}

export function collectPrintedTexts(): PrintedTexts {
  const kept = new Map<string, readonly string[]>()
  let room = mostOfAll
  return {
    keep(lines) {
      if (lines.length === 0) return undefined
      const text = lines.join('\n')
      const known = kept.get(text)
      if (known) return known
      if (text.length > room) return leftOut
      room -= text.length
      kept.set(text, lines)
      return lines
    },
  }
}

// In characters.
const mostOfAll = 300_000
const leftOut = ['[left out: this report has as much output as it can hold; -vv prints all]']

const most = 20
const longest = 300
const mostUnended = 65_536

export function collectPrinted(): Printed {
  let kept: readonly string[] = []
  // What has no end yet is not masked yet: the next piece may complete a secret.
  let unended = ''
  let isTooLong = false

  function keep(text: string): void {
    const lines = cleanLines(text).filter(line => line !== '')
    const cut = lines.map(line => (line.length > longest ? `${line.slice(0, longest)}…` : line))
    kept = [...kept, ...cut.slice(-most)].slice(-most)
  }

  return {
    add(text) {
      const all = unended + text
      const end = all.lastIndexOf('\n') + 1
      if (end > 0) {
        keep(isTooLong ? all.slice(all.indexOf('\n') + 1, end) : all.slice(0, end))
        isTooLong = false
      }
      unended = all.slice(end)
      if (unended.length <= mostUnended) return
      isTooLong = true
      unended = ''
    },
    lines() {
      if (unended !== '' && !isTooLong) keep(unended)
      unended = ''
      return kept
    },
  }
}
