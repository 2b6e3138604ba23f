import { quote } from '#engine/quote.ts'
import { checkedMatch } from './checked.ts'
import { declareEdit } from './edit.ts'
import { type Declare, type DeclareOptions, differs, type Kind, known } from './resource.ts'

/** `hostname('web1')`: now and after the next boot. Source: hostname(5), hostname(1). */
export function hostname(declare: Declare) {
  return (name: string, options: DeclareOptions = {}): void => {
    if (checkedHostName(name).length > 64)
      throw new RangeError(`expected a host's name of 64 characters at most, got ${name}`)
    // An edit, as a container's /etc/hostname is a mount that no rename can replace.
    const edit = (text: string) => ({ text: `${name}\n`, found: text.trim() || 'empty', wanted: name })
    declareEdit(declare, 'hostname', '/etc/hostname', 'at boot', { edit }, { ...options, create: true })
    declare(live, { name, wanted: name }, options)
  }
}

const live: Kind<string, string> = {
  noun: 'hostname',
  probe: () => 'cat /proc/sys/kernel/hostname\n',
  parse: (output, items) => items.map(() => known(output.toString().trim())),
  diff: (wanted, found) => differs('name', found, wanted),
  apply: wanted => `hostname -- ${quote(wanted)}\n`,
}

/** Throws RangeError unless it is a host's name, with or without a domain. Source: RFC 1123, 2.1. */
export function checkedHostName(name: string): string {
  const label = '[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?'
  return checkedMatch(
    "a host's name such as web1 or web1.example.com",
    new RegExp(`${label}(\\.${label})*`),
    name,
  )
}
