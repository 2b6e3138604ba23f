import { buildCatalog } from '#engine/converge/catalog.ts'
import { listensKind as kind, type ListensOptions, listens } from '#engine/resources/listens/listens.ts'
import type { WantedSockets } from '#engine/resources/listens/owner.ts'
import { hex } from '#engine/resources/listens/sockets.ts'

export type Declared = readonly (readonly [unit: string, options: ListensOptions])[]

/** What roles want that declare so. */
export function wanted(declared: Declared): readonly WantedSockets[] {
  const catalog = buildCatalog()
  const declare = listens(catalog.role('web').declare)
  for (const [unit, options] of declared) declare(unit, options)
  return catalog.resources.map(one => one.wanted as WantedSockets)
}

/** What the probe prints: records of fields, and socket units as systemctl shows them. */
export function printed(
  records: readonly (readonly string[])[],
  units: readonly string[] = [],
  whole = true,
): Buffer {
  const all = [...records, ['clients', '32768', '60999']]
  const text = all.map(fields => `${[fields.length, ...fields].join('\0')}\0`).join('')
  return Buffer.from(`${whole ? 'all' : 'some'}\n${text}\0${units.join('\n\n')}\n`)
}

/** How each declaration differs, in one line each, and what is warned of. */
export function judged(declared: Declared, output: Buffer) {
  const items = wanted(declared)
  const states = kind.parse(output, items).map(state => (state.known ? state.value : undefined))
  const judge = <T>(use: (item: WantedSockets, found: NonNullable<(typeof states)[number]>) => T) =>
    items.flatMap((item, index) => (states[index] ? [use(item, states[index])] : []))
  return {
    lines: judge((item, found) =>
      kind.diff(item, found).map(one => `${one.what}: ${one.found} → ${one.wanted}`),
    ).flat(),
    shell: judge((item, found) => kind.apply(item, found)),
    warnings: judge((item, found) => kind.warning?.(item, found)).filter(text => text !== undefined),
  }
}

export const socket = (protocol: string, address: string, port: number, process = '', unit = '') => [
  ...['socket', protocol, address === 'any' ? address : hex(address), String(port), process, unit],
]
export const socketUnit = (
  name: string,
  triggers: string,
  listen: readonly string[],
  state = 'enabled',
  active = 'inactive',
) =>
  `BindIPv6Only=default\n${listen.map(line => `Listen=${line}\n`).join('')}Id=${name}.socket\nWantedBy=${state === 'enabled' ? 'sockets.target' : ''}\nTriggers=${triggers}.service\nActiveState=${active}\nUnitFileState=${state}`

export const mysql: Declared[number] = ['mariadb', { tcp: 3306, at: ['127.0.0.1'], restart: true }]
export const nginx: Declared[number] = ['nginx', { tcp: [80, 443] }]
export const own = socket('tcp', '127.0.0.1', 3306, 'mariadbd', 'mariadb.service')
export const web = [80, 443].flatMap(port => [
  socket('tcp', '0.0.0.0', port, 'nginx', 'nginx.service'),
  socket('tcp', '::', port, 'nginx', 'nginx.service'),
])
export const mariadbSocket = ['@mariadb (Stream)', '/run/mysqld/mysqld.sock (Stream)', '[::]:3306 (Stream)']
