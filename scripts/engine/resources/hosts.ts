import { isIP } from 'node:net'
import { declareEdit, type Edited } from './edit.ts'
import { checkedHostName } from './hostname.ts'
import { linesOf, textOf } from './lines.ts'
import type { Declare, DeclareOptions } from './resource.ts'

export interface HostsOptions extends DeclareOptions {
  readonly address: string
  /** Further names of it. */
  readonly aliases?: readonly string[]
}

export interface DeclareHosts {
  (name: string, options: HostsOptions): void
  /** No line names it. */
  absent(name: string, options?: DeclareOptions): void
}

/** `hosts('db1.internal', { address: '10.0.0.5', aliases: ['db1'] })`: a line of /etc/hosts. Source: hosts(5). */
export function hosts(declare: Declare): DeclareHosts {
  const present = (name: string, { address, aliases = [], ...options }: HostsOptions): void => {
    if (isIP(address) === 0) throw new RangeError(`expected an IP address, got ${JSON.stringify(address)}`)
    const names = [name, ...aliases].map(checkedHostName)
    const edit = (text: string) => withNames(text, address, names)
    declareEdit(
      declare,
      'hosts',
      '/etc/hosts',
      `${name} ${isIP(address) === 6 ? 'IPv6' : 'IPv4'}`,
      { edit },
      options,
    )
  }
  return Object.assign(present, {
    absent(name: string, options: DeclareOptions = {}): void {
      checkedHostName(name)
      const edit = (text: string) => withoutNames(text, [name], () => true)
      declareEdit(declare, 'hosts', '/etc/hosts', name, { edit, isRemoval: true }, options)
    },
  })
}

interface Entry {
  readonly address: string
  readonly names: readonly string[]
  readonly comment: string
}

function entryOf(line: string): Entry | undefined {
  const [, content = '', comment = ''] = /^([^#]*?)(\s*#.*)?$/.exec(line) ?? []
  const [address = '', ...names] = content.trim().split(/\s+/)
  return isIP(address) === 0 ? undefined : { address, names, comment }
}

// Names of an address of the other family may stay: a host can have one of each.
function withNames(text: string, address: string, names: readonly string[]): Edited {
  const wanted = `${address}\t${names.join(' ')}`
  const lines = linesOf(text)
  const own = lines.findIndex(line => isSameEntry(entryOf(line), address, names))
  const isOther = (entry: Entry, at: number) => at !== own && isIP(entry.address) === isIP(address)
  const cleaned = withoutNames(text, names, isOther)
  if (own >= 0) return { text: cleaned.text, found: cleaned.text === text ? wanted : cleaned.found, wanted }
  const added = [...linesOf(cleaned.text), wanted]
  return { text: textOf(added), found: cleaned.found, wanted }
}

function withoutNames(
  text: string,
  names: readonly string[],
  isMeant: (entry: Entry, at: number) => boolean,
): Edited {
  const lines = linesOf(text)
  const gone: string[] = []
  const next = lines.flatMap((line, at) => {
    const entry = entryOf(line)
    const kept = entry?.names.filter(name => !names.some(one => one.toLowerCase() === name.toLowerCase()))
    if (!entry || !kept || kept.length === entry.names.length || !isMeant(entry, at)) return [line]
    gone.push(line.trim())
    return kept.length === 0 ? [] : [`${entry.address}\t${kept.join(' ')}${entry.comment}`]
  })
  if (gone.length === 0) return { text, found: 'absent', wanted: 'absent' }
  return { text: textOf(next), found: gone.join(', '), wanted: 'absent' }
}

function isSameEntry(entry: Entry | undefined, address: string, names: readonly string[]): boolean {
  return entry?.address === address && entry.names.join(' ') === names.join(' ')
}
