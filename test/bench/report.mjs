#!/usr/bin/env node
// Measures the report of a run over a fleet: the events of 200 hosts with 300 resources each through the printers of a
// run, the page that is written, and how long Chromium takes to show it. A run that changes little, then a first run.
// `npm run bench:report [HOSTS] [RESOURCES]`
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import '../../scripts/typescript.mjs'

const require = createRequire(import.meta.url)
const { openPrinter } = require('../../scripts/engine/command/printer.ts')
const { openReport } = require('../../scripts/engine/output/report/report.ts')
const { fleetEvents } = require('../output/report/fleet.ts')
const { openBrowser, timeToShow } = require('../long/browser.ts')

const hosts = Number(process.argv[2] ?? 200)
const resources = Number(process.argv[3] ?? 300)
const folder = mkdtempSync(join(tmpdir(), 'capstan-report-'))
const browser = await openBrowser()
try {
  for (const isFirstRun of [false, true]) {
    const path = join(folder, 'report.html')
    const report = openReport(path)
    const printer = await openPrinter({ stream: { write: () => true }, env: {}, report })
    const began = performance.now()
    for (const event of fleetEvents({ hosts, resources, isFirstRun })) printer.on(event)
    const collected = performance.now()
    printer.close()
    report.end()
    const written = performance.now()
    const size = (statSync(path).size / 2 ** 20).toFixed(2)
    const { cpu, wall } = await timeToShow(browser, path)
    const ms = number => `${Math.round(number)} ms`
    console.log(
      `${isFirstRun ? 'first run' : 'few changes'}: ${hosts} hosts × ${resources} resources: events ${ms(collected - began)}, ` +
        `written in ${ms(written - collected)}, ${size} MiB, shown in ${ms(wall)}, ${ms(cpu)} of CPU`,
    )
  }
} finally {
  await browser.close()
  rmSync(folder, { recursive: true })
}
