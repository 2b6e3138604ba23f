import { read } from '#engine/output/errors.ts'
import type { Event } from '#engine/output/events.ts'
import type { Printer, PrinterOptions } from '#engine/output/printer.ts'
import { mask } from '#engine/secret.ts'

/**
 * One event a line as JSON, whatever the verbosity, each with its kind in `event`; an error is
 * `{code, message, hint, lines, where}`. The recap is kept for `close`, so that it is the last line.
 */
export function jsonPrinter({ stream }: PrinterOptions): Printer {
  let recap: Event | undefined
  return {
    on(event) {
      if (event.event === 'recap') recap = event
      else stream.write(`${eventJson(event)}\n`)
    },
    close() {
      if (recap) stream.write(`${eventJson(recap)}\n`)
      recap = undefined
    },
  }
}

function eventJson(event: Event): string {
  return jsonLine(event.event === 'failed' ? { ...event, error: read(event.error) } : event)
}

/** A value as a line of JSON: its secrets masked, and nothing in it that a terminal or the GitHub runner obeys. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value, (key, each) => {
    if (typeof each === 'bigint') return String(each)
    // The names of events are ours: a secret that happens to be such a word must not hide them.
    return typeof each === 'string' && key !== 'event' && key !== 'state' ? mask(each) : each
  }).replace(unsafe, escaped)
}

// A terminal obeys C1 controls, which JSON leaves as they are; the GitHub runner obeys `##[` anywhere.
const unsafe = /[\x7f-\x9f\u2028\u2029]|(?<=#\p{DI}*)#(?=\p{DI}*\[)/gu

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
