import type { Event } from '#engine/output/events.ts'
import { choosePrinter } from '#engine/output/printers.ts'

export interface Recorded {
  readonly verbosity?: number
  readonly diff?: boolean
  readonly json?: boolean
  readonly env?: Readonly<Record<string, string>>
}

/** What the printer for a pipe writes for `events`, as lines. */
export function record(events: readonly Event[], options: Recorded = {}): readonly string[] {
  const chunks: string[] = []
  const printer = choosePrinter({ env: {}, ...options, stream: { write: text => chunks.push(text) } })
  for (const event of events) printer.on(event)
  printer.close()
  return chunks.join('').replace(/\n$/, '').split('\n')
}

const before = 'user www-data;\nhttp {\n  server_tokens on;\n}\n'
const after = 'user www-data;\nhttp {\n  server_tokens off;\n}\n'

export const run = { event: 'run', command: 'site', hosts: ['web1', 'db1'], check: false } as const

export const nginxConf = {
  role: 'nginx',
  where: 'roles/nginx/role.ts:12',
  resource: 'template /etc/nginx/nginx.conf',
  differences: [
    { what: 'mode', found: '0644', wanted: '0600' },
    { what: 'content', found: '3a8f', wanted: '77c0', text: { before, after } },
  ],
} as const

export const recap: Event = {
  event: 'recap',
  hosts: {
    web1: { ok: 57, changed: 0, unreachable: 0, failed: 0, skipped: 2, trips: 2, seconds: 0.41 },
  },
}
