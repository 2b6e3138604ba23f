import { quote, quoteAll } from '#engine/quote.ts'
import { checkedLine, checkedMatch } from './checked.ts'
import { readByPerl } from './perl-reader.ts'
import { type Declare, type DeclareOptions, differs, type Kind, known } from './resource.ts'
import { here } from './shell.ts'

interface WantedSysctl {
  readonly key: string
  /** Undefined: nothing sets it at boot. */
  readonly value: string | undefined
}

interface FoundSysctl {
  /** What its file sets at boot; empty: there is none. */
  readonly file: string
  /** In force now. */
  readonly live: string
  /** /proc/sys can't be written here: a container. */
  readonly isReadOnly: boolean
}

/** Kernel settings: in force now, and set at each boot by a file that is read after all others. Source: sysctl.d(5), proc(5). */
const sysctls: Kind<WantedSysctl, FoundSysctl> = {
  noun: 'sysctl',

  ...readByPerl<WantedSysctl, FoundSysctl>({
    items: 'sysctls',
    // 1 is O_WRONLY: opened to learn whether it can be, and closed.
    perl: `
      sub item { my ($file, $at, $present) = @_; my $live = slurp($at);
        return unknown("the kernel has no $at yet") if !defined $live && $present;
        my $ok = sysopen my $to, $at, 1; (slurp($file) // "", $live // "", !$ok && $! == 30 ? 1 : "") }`,
    given: ({ key, value }) => [fileOf(key), procOf(key), value === undefined ? '' : '1'],
    found: ([file = '', live = '', isReadOnly]) =>
      known({ file, live: squeezed(live), isReadOnly: isReadOnly === '1' }),
  }),

  diff({ key, value }, { file, live, isReadOnly }) {
    if (value === undefined) return differs('at boot', file === '' ? 'absent' : 'set', 'absent')
    return [
      ...(isReadOnly ? [] : differs('value', live, value)),
      ...differs('at boot', atBoot(file, key), value),
      ...(atBoot(file, key) === value ? differs('file', file, textOf(key, value)) : []),
    ]
  },

  apply({ key, value }, { isReadOnly }) {
    if (value === undefined) return `rm -f -- ${quote(fileOf(key))}\n`
    const file = here(`put ${quoteAll([fileOf(key), '0644', 'root', 'root'])}`, textOf(key, value))
    return isReadOnly ? file : `${here(`cat >${quote(procOf(key))}`, `${value}\n`)}${file}`
  },

  warning({ key, value }, { live, isReadOnly }) {
    if (value === undefined || !isReadOnly || live === value) return undefined
    return `sysctl ${key}: is ${live} now, and ${value} from the next boot on: /proc/sys is read-only here, as in a container`
  },
}

export interface DeclareSysctl {
  (key: string, value: string | number | boolean, options?: DeclareOptions): void
  /** Nothing of Capstan sets it at boot; what is in force now stays. */
  absent(key: string, options?: DeclareOptions): void
}

/** `sysctl('vm.swappiness', 10)`. */
export function sysctl(declare: Declare): DeclareSysctl {
  const present = (key: string, value: string | number | boolean, options: DeclareOptions = {}): void => {
    const text = squeezed(checkedLine(key, String(typeof value === 'boolean' ? Number(value) : value)))
    declare(sysctls, { name: checkedKey(key), wanted: { key, value: text } }, options)
  }
  return Object.assign(present, {
    absent: (key: string, options: DeclareOptions = {}): void =>
      declare(sysctls, { name: checkedKey(key), wanted: { key, value: undefined } }, options),
  })
}

function checkedKey(key: string): string {
  // A `*` stands for many keys in a file, and for no file below /proc/sys.
  return checkedMatch('a key such as vm.swappiness', /[a-z0-9_-]+([./][A-Za-z0-9_@:-]+)+/, key)
}

// The first separator tells which of the two it is: the other then stands for itself. Source: sysctl.d(5).
function procOf(key: string): string {
  const isPath = /[./]/.exec(key)?.[0] === '/'
  const path = isPath ? key : key.replace(/[./]/g, one => (one === '.' ? '/' : '.'))
  return `/proc/sys/${path}`
}

// The last of the directory: after 99-sysctl.conf, too.
function fileOf(key: string): string {
  return `/etc/sysctl.d/zz-capstan-${key.replaceAll('/', '-')}.conf`
}

function textOf(key: string, value: string): string {
  return `# Managed by Capstan.\n${key} = ${value}\n`
}

function atBoot(file: string, key: string): string {
  const line = file.split('\n').find(one => one.startsWith(`${key} = `))
  return line?.slice(key.length + 3) ?? 'not set'
}

function squeezed(value: string): string {
  return value.trim().replace(/\s+/g, ' ')
}
