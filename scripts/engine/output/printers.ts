import { jsonPrinter } from '#engine/output/json.ts'
import { plainPrinter } from '#engine/output/plain.ts'
import type { Printer, PrinterOptions } from '#engine/output/printer.ts'
import { terminalPrinter } from '#engine/output/terminal.ts'

/**
 * The printer for a stream: JSON lines where asked for, the live view on a terminal that can move its cursor,
 * plain lines everywhere else (pipes, files, CI). A reader that goes away (`| head`) doesn't end the run.
 */
export function choosePrinter(options: PrinterOptions & { readonly json?: boolean }): Printer {
  const { stream, json, env = process.env } = options
  stream.on?.('error', () => {})
  if (json) return jsonPrinter(options)
  const live = stream.isTTY && env['TERM'] !== 'dumb' && !env['CI']
  return live ? terminalPrinter(options) : plainPrinter(options)
}
