import { quote } from '#engine/quote.ts'
import { type Declare, type DeclareOptions, differs, type Kind, known } from './resource.ts'
import { fields, here } from './shell.ts'
import { accountName } from './user.ts'

export interface GroupOptions extends DeclareOptions {
  /** Below 1000. */
  readonly system?: boolean
}

interface WantedGroup {
  readonly name: string
  readonly present: boolean
  readonly system: boolean
}

/** Groups of the host. Source: getgrnam(3), groupadd(8), groupdel(8). */
const groups: Kind<WantedGroup, { readonly exists: boolean }> = {
  noun: 'group',

  probe(items) {
    return here(`perl -e ${quote(reader)}`, items.map(item => item.name).join('\0'))
  },

  parse(output, items) {
    const values = fields(output)
    if (values.length !== items.length)
      throw new Error(`${items.length} groups were probed, ${values.length} were answered`)
    return values.map(value => known({ exists: value === '1' }))
  },

  diff(wanted, found) {
    return differs('state', state(found.exists), state(wanted.present))
  },

  apply(wanted) {
    if (!wanted.present) return `groupdel -- ${quote(wanted.name)}\n`
    return `groupadd ${wanted.system ? '--system ' : ''}-- ${quote(wanted.name)}\n`
  },
}

export interface DeclareGroup {
  (name: string, options?: GroupOptions): void
  absent(name: string, options?: DeclareOptions): void
}

/** `group('deploy')`. A user's own group comes with the user. */
export function group(declare: Declare): DeclareGroup {
  const wanted = (name: string, present: boolean, options: GroupOptions) =>
    declare(
      groups,
      { name, wanted: { name: accountName(name), present, system: options.system ?? false } },
      options,
    )
  return Object.assign((name: string, options: GroupOptions = {}) => wanted(name, true, options), {
    absent: (name: string, options: DeclareOptions = {}) => wanted(name, false, options),
  })
}

const reader = String.raw`local $/; print +(defined getgrnam $_ ? 1 : 0), "\0" for split /\0/, <STDIN>`

function state(exists: boolean): string {
  return exists ? 'present' : 'absent'
}
