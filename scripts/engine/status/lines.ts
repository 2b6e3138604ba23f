import { oneLine } from '#engine/output/clean.ts'
import type { Paint } from '#engine/output/paint.ts'
import { aligned } from '#engine/output/table.ts'
import { displayWidth, padTo, wrapTo } from '#engine/output/width.ts'
import type { Finding } from './checks.ts'
import { type HostStatus, worst } from './host-status.ts'

const words = { good: 'healthy', warning: 'warning', bad: 'unhealthy' } as const
const colours = { good: 'green', warning: 'yellow', bad: 'red' } as const
const marks = { good: 'ok', warning: 'warning', bad: 'failed' } as const

/** A host on one screen: a line for each finding, and below those that are not good what to do. */
export function screenLines(
  { host, state, findings }: HostStatus,
  paint: Paint,
  columns: number,
): readonly string[] {
  const width = Math.max(...findings.map(({ name }) => displayWidth(name)), 0)
  return [
    `${oneLine(host)}  ${paint(colours[state], words[state])}`,
    ...findings.flatMap(finding => findingLines(finding, width, paint, columns)),
  ]
}

/** Several hosts: a table of them, and below it what is not good. */
export function tableLines(all: readonly HostStatus[], paint: Paint, columns: number): readonly string[] {
  const names = [...new Set(all.flatMap(({ findings }) => findings.map(({ name }) => name)))]
  const cells = (status: HostStatus) => {
    const of = (name: string) => status.findings.filter(each => each.name === name)
    return names.map(name => (of(name).length === 0 ? '-' : marks[worst(of(name))]))
  }
  const rows = [
    ['host', 'state', ...names],
    ...all.map(status => [status.host, words[status.state], ...cells(status)]),
  ]
  const table = aligned(rows)
  // A table that does not fit shows the state of each host alone.
  const fitting = table.some(line => displayWidth(line) > columns)
    ? aligned(rows.map(row => row.slice(0, 2)))
    : table
  const colour = (text: string) =>
    text
      .replace(/\b(failed|unhealthy)\b/g, word => paint('red', word))
      .replace(/\bwarning\b/g, word => paint('yellow', word))
  return [
    ...fitting.map((line, index) => (index === 0 ? line : colour(line))),
    ...all.flatMap(({ host, findings }) => {
      const wrong = findings.filter(({ state }) => state !== 'good')
      const width = Math.max(...wrong.map(({ name }) => displayWidth(name)), 0)
      return wrong.length === 0
        ? []
        : ['', oneLine(host), ...wrong.flatMap(finding => findingLines(finding, width, paint, columns))]
    }),
  ]
}

function findingLines({ name, state, text, cure }: Finding, width: number, paint: Paint, columns: number) {
  const indent = ' '.repeat(width + 4)
  const left = Math.max(20, columns - width - 5)
  const texts = wrapTo(oneLine(text), left)
  const cures = cure === undefined || state === 'good' ? [] : wrapTo(oneLine(cure), left - 6)
  return [
    ...texts.map((line, index) => {
      const shown = state === 'good' ? line : paint(colours[state], line)
      return index === 0 ? `  ${padTo(oneLine(name), width)}  ${shown}` : `${indent}${shown}`
    }),
    ...cures.map((line, index) => `${indent}${index === 0 ? `${paint('cyan', 'cure')}  ` : '      '}${line}`),
  ]
}
