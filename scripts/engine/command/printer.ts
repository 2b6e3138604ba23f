import { takeKey } from '#engine/connection/environment-login.ts'
import { githubPrinter } from '#engine/github/printer.ts'
import { onActions } from '#engine/output/actions.ts'
import type { Event } from '#engine/output/events.ts'
import type { Printer, PrinterOptions } from '#engine/output/printer.ts'
import { choosePrinter } from '#engine/output/printers.ts'
import type { Report } from '#engine/output/report/report.ts'

export interface OpenedPrinter extends PrinterOptions {
  readonly json?: boolean
  /** Gets each event too, with the texts that differ, which are printed with `diff` alone. */
  readonly report?: Report | undefined
}

/** The printer for a command: in a step of GitHub Actions its groups, annotations, outputs and summary. */
export async function openPrinter({ report, ...options }: OpenedPrinter): Promise<Printer> {
  const printer = await printerFor(options)
  if (report === undefined) return printer
  return {
    ...printer,
    on(event) {
      printer.on(options.diff ? event : withoutTexts(event))
      report.on(event)
    },
  }
}

function withoutTexts(event: Event): Event {
  if (!('differences' in event)) return event
  return { ...event, differences: event.differences.map(({ text: _, ...rest }) => rest) }
}

async function printerFor(options: Omit<OpenedPrinter, 'report'>): Promise<Printer> {
  if (options.json || !onActions(options.env ?? process.env)) return choosePrinter(options)
  takeKey(process.env)
  // Loading it takes a tenth of a second, which only GitHub runs should pay.
  return githubPrinter(await import('@actions/core'), options)
}
