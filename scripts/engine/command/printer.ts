import { takeKey } from '#engine/connection/given.ts'
import { onActions } from '#engine/output/actions.ts'
import type { Printer, PrinterOptions } from '#engine/output/printer.ts'
import { choosePrinter } from '#engine/output/printers.ts'

/** The printer for a command: in a step of GitHub Actions its groups, annotations, outputs and summary. */
export async function openPrinter(options: PrinterOptions & { readonly json?: boolean }): Promise<Printer> {
  // What it is made of takes a tenth of a second to load, which nobody else is to pay.
  if (options.json || !onActions(options.env ?? process.env)) return choosePrinter(options)
  takeKey(process.env)
  const { githubPrinter } = await import('#engine/github/printer.ts')
  return githubPrinter(options)
}
