import { clean } from '#engine/output/clean.ts'
import type { HostRecap } from '#engine/output/events.ts'
import type { Paint } from '#engine/output/paint.ts'
import { displayWidth, padTo } from '#engine/output/width.ts'

/**
 * One line a host, in Ansible's words, aligned over all hosts, in the order given:
 * `web1 : ok=57 changed=0 unreachable=0 failed=0 skipped=2   trips=2  0.41 s`.
 */
export function recapLines(hosts: Readonly<Record<string, HostRecap>>, paint: Paint): readonly string[] {
  const rows = Object.entries(hosts).map(([host, recap]) => ({ host: clean(host), recap }))
  const hostWidth = Math.max(...rows.map(row => displayWidth(row.host)))
  const widths = counts.map(([name]) => Math.max(...rows.map(row => cell(name, row.recap).length)))
  const seconds = Math.max(...rows.map(row => row.recap.seconds.toFixed(2).length))

  return rows.map(({ host, recap }) => {
    const cells = counts.map(([name, colour], index) => {
      const text = padTo(cell(name, recap), widths[index] ?? 0)
      return recap[name] > 0 && colour !== undefined ? paint(colour, text) : text
    })
    const trips = cells.pop()
    const troubled = recap.failed + recap.unreachable > 0
    const colour = troubled ? 'red' : recap.changed > 0 ? 'yellow' : 'green'
    const name = paint(colour, padTo(host, hostWidth))
    return `${name} : ${cells.join(' ')}   ${trips}  ${recap.seconds.toFixed(2).padStart(seconds)} s`
  })
}

const counts = [
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
