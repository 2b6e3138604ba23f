import { oneLine } from '#engine/output/clean.ts'
import { quote } from '#engine/quote.ts'
import type { HostStatus } from './host-status.ts'

const values = { good: 0, warning: 1, bad: 2 } as const

/**
 * The findings of a host as metrics of Prometheus: for each check its worst state, 0 good, 1 warning or 2 failed, and when
 * it was checked. Source: Prometheus, "Text-based format".
 */
export function metrics({ findings }: HostStatus, now: Date): string {
  const worst = new Map<string, number>()
  for (const { name, state } of findings) worst.set(name, Math.max(worst.get(name) ?? 0, values[state]))
  return [
    '# HELP capstan_check_state State of a check: 0 good, 1 warning, 2 failed.',
    '# TYPE capstan_check_state gauge',
    ...[...worst].map(([name, state]) => `capstan_check_state{check="${escaped(name)}"} ${state}`),
    '# HELP capstan_check_timestamp_seconds When the host was checked.',
    '# TYPE capstan_check_timestamp_seconds gauge',
    `capstan_check_timestamp_seconds ${Math.floor(now.getTime() / 1000)}`,
    '',
  ].join('\n')
}

function escaped(label: string): string {
  return oneLine(label).replace(/[\\"]/g, '\\$&')
}

/** Shell that puts metrics where node-exporter reads them; exits with 3 where the host has no such folder. */
export function textfileScript(text: string): string {
  return `folder=/var/lib/prometheus/node-exporter
[ -d "$folder" ] || exit 3
new=$(mktemp "$folder/.capstan.prom.XXXXXX") || exit
trap 'rm -f -- "$new"' EXIT
printf %s ${quote(text)} >"$new" && chmod 644 "$new" && mv -T -- "$new" "$folder/capstan.prom"
`
}
