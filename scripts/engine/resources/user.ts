import { quote, quoteAll } from '#engine/quote.ts'
import { readByPerl } from './perl-reader.ts'
import { type Declare, type DeclareOptions, differs, type Kind, known, type State } from './resource.ts'

export interface UserOptions extends DeclareOptions {
  /** Below 1000, no ageing, no home made. */
  readonly system?: boolean
  /** The primary group, which must exist; absent: one of the user's own name. */
  readonly group?: string
  /** Groups that it is a member of; others that it is in stay. */
  readonly groups?: readonly string[]
  /** Absent: what the host's useradd gives, not looked at later. */
  readonly home?: string
  readonly shell?: string
}

interface WantedUser {
  readonly name: string
  readonly options: UserOptions | undefined
}

interface FoundUser {
  readonly exists: boolean
  readonly group: string
  readonly groups: readonly string[]
  readonly home: string
  readonly shell: string
}

// Five fields for each name: whether it exists, primary group, other groups, home, shell.
const reader = `
  my %of;
  sub before { while (my ($group, undef, undef, $members) = getgrent) { push @{$of{$_}}, $group for split / /, $members } }
  sub item { my ($name) = @_; my @u = getpwnam $name; my $group = @u ? getgrgid($u[3]) // $u[3] : "";
    ((@u ? 1 : ""), $group, join(" ", sort @{$of{$name} // []}), $u[7] // "", $u[8] // "") }
`

/** Accounts of the host; a password is neither set nor read. Source: getpwnam(3), getgrent(3), useradd(8), usermod(8). */
const users: Kind<WantedUser, FoundUser> = {
  noun: 'user',

  ...readByPerl({ items: 'users', perl: reader, given: ({ name }) => [name], found: readUser }),

  diff({ name, options }, found) {
    if (!options) return found.exists ? differs('state', 'present', 'absent') : []
    if (!found.exists) return differs('state', 'absent', 'present')
    const missing = (options.groups ?? []).filter(group => !found.groups.includes(group))
    return [
      ...differs('group', found.group, options.group ?? name),
      ...(missing.length > 0
        ? differs('member of', found.groups.join(' ') || 'none', missing.join(' '))
        : []),
      ...(options.home === undefined ? [] : differs('home', found.home, options.home)),
      ...(options.shell === undefined ? [] : differs('shell', found.shell, options.shell)),
    ]
  },

  apply({ name, options }, found) {
    if (!options) return `userdel -- ${quote(name)}\n`
    const group = options.group ?? name
    const flags = [
      ...(options.groups?.length ? ['--groups', options.groups.join(',')] : []),
      ...(options.home === undefined ? [] : [found.exists ? '--home' : '--home-dir', options.home]),
      ...(options.shell === undefined ? [] : ['--shell', options.shell]),
    ]
    if (found.exists) {
      const append = options.groups?.length ? ['--append'] : []
      return `${ownGroup(name, options)}usermod ${quoteAll([...append, ...flags, '--gid', group, '--', name])}\n`
    }
    const kind = options.system ? ['--system', '--no-create-home'] : ['--create-home']
    return `${ownGroup(name, options)}useradd ${quoteAll([...kind, ...flags, '--gid', group, '--', name])}\n`
  },
}

export interface DeclareUser {
  (name: string, options?: UserOptions): void
  /** No such account; what it owned stays. */
  absent(name: string, options?: DeclareOptions): void
}

/** `user('foobar', { system: true, home: '/srv/www/foobar', shell: '/usr/sbin/nologin' })`. */
export function user(declare: Declare): DeclareUser {
  const present = (name: string, options: UserOptions = {}) => {
    for (const each of [name, options.group ?? name, ...(options.groups ?? [])]) accountName(each)
    declare(users, { name, wanted: { name, options } }, options)
  }
  return Object.assign(present, {
    absent: (name: string, options: DeclareOptions = {}) =>
      declare(users, { name, wanted: { name: accountName(name), options: undefined } }, options),
  })
}

/** Throws RangeError unless it is a name that Debian's useradd and groupadd take. */
export function accountName(name: string): string {
  if (!/^[a-z_][a-z0-9_-]{0,31}$/.test(name))
    throw new RangeError(`expected a name of small letters, digits, _ or -, got ${JSON.stringify(name)}`)
  return name
}

function ownGroup(name: string, options: UserOptions): string {
  if (options.group !== undefined) return ''
  return `getent group ${quote(name)} >/dev/null || groupadd ${options.system ? '--system ' : ''}-- ${quote(name)}\n`
}

function readUser(values: readonly string[]): State<FoundUser> {
  const [exists, group = '', groups = '', home = '', shell = ''] = values
  return known({
    exists: exists === '1',
    group,
    groups: groups === '' ? [] : groups.split(' '),
    home,
    shell,
  })
}
