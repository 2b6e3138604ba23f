import { quote } from '#engine/quote.ts'
import { readByPerl } from './perl-reader.ts'
import { type Declare, type DeclareOptions, differs, type Kind, known } from './resource.ts'
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

  ...readByPerl({
    items: 'groups',
    perl: 'sub item { defined getgrnam $_[0] ? 1 : 0 }',
    given: ({ name }) => [name],
    found: ([exists]) => known({ exists: exists === '1' }),
  }),

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

function state(exists: boolean): string {
  return exists ? 'present' : 'absent'
}
