import { clean } from '#engine/output/clean.ts'
import type { HostRecap } from '#engine/output/events.ts'
import type { Paint } from '#engine/output/paint.ts'
import { displayWidth, padTo, shortenTo } from '#engine/output/width.ts'

/**
 * One line a host, in Ansible's words, aligned over all hosts, in the order given:
 * `web1 : ok=57 changed=0 unreachable=0 failed=0 skipped=2   trips=2  0.41 s`.
 */
export function recapLines(
  hosts: Readonly<Record<string, HostRecap>>,
  paint: Paint,
  columns?: number,
): readonly string[] {
  const rows = Object.entries(hosts).map(([host, recap]) => ({ host: clean(host), recap }))
  const most = columns === undefined ? Number.POSITIVE_INFINITY : Math.max(8, Math.floor(columns / 4))
  const hostWidth = Math.min(most, Math.max(...rows.map(row => displayWidth(row.host))))
  const seconds = Math.max(...rows.map(row => row.recap.seconds.toFixed(2).length))
  const widthOf = (name: keyof HostRecap) => Math.max(...rows.map(row => cell(name, row.recap).length))
  // Host, colon and seconds take the rest.
  const room = columns === undefined ? Number.POSITIVE_INFINITY : columns - 1 - hostWidth - seconds - 9
  const counts = fitting(room, rows, widthOf)
  const widths = counts.map(([name]) => widthOf(name))

  return rows.map(({ host, recap }) => {
    const cells = counts.map(([name, colour], index) => {
      const text = padTo(cell(name, recap), widths[index] ?? 0)
      return recap[name] > 0 && colour !== undefined ? paint(colour, text) : text
    })
    const trips = cells.pop()
    const troubled = recap.failed + recap.unreachable > 0
    const colour = troubled ? 'red' : recap.changed > 0 ? 'yellow' : 'green'
    const name = paint(colour, padTo(shortenTo(host, hostWidth), hostWidth))
    return `${name} : ${cells.join(' ')}   ${trips}  ${recap.seconds.toFixed(2).padStart(seconds)} s`
  })
}

type Row = { readonly recap: HostRecap }

/** The counts that have room. Those that are 0 on every host go first, trips and changed last. */
function fitting(room: number, rows: readonly Row[], widthOf: (name: keyof HostRecap) => number) {
  let kept = [...allCounts]
  const width = () => kept.reduce((sum, [name]) => sum + widthOf(name) + 1, 0)
  const isZero = (name: keyof HostRecap) => rows.every(({ recap }) => recap[name] === 0)
  const order = ['skipped', 'unreachable', 'failed', 'ok'] as const
  for (const name of [...order.filter(isZero), ...order])
    if (width() > room) kept = kept.filter(([each]) => each !== name)
  return kept
}

const allCounts = [
  ['ok', 'green'],
  ['changed', 'yellow'],
  ['unreachable', 'red'],
  ['failed', 'red'],
  ['skipped', 'cyan'],
  ['trips', undefined],
] as const

function cell(name: keyof HostRecap, recap: HostRecap): string {
  return `${name}=${recap[name]}`
}
