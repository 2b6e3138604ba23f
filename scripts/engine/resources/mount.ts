import type { Difference } from '#engine/output/events.ts'
import { quote } from '#engine/quote.ts'
import { checkedLine, checkedMatch, checkedPath } from './checked.ts'
import { declareEdit } from './edit.ts'
import { fstabLine, withFstabLine } from './fstab.ts'
import { readByPerl } from './perl-reader.ts'
import { type Declare, type DeclareOptions, differs, type Kind, known } from './resource.ts'

export interface MountOptions extends DeclareOptions {
  /** `/dev/vdb1`, `UUID=…`, `LABEL=…`, `tmpfs`, `server:/export`, or a directory for a bind mount. */
  readonly device: string
  /** `ext4`, `xfs`, `tmpfs`, `nfs4`, or `none` for a bind mount. */
  readonly type: string
  /** `defaults` by default. */
  readonly options?: string
  /** In which turn it is checked at boot; 0, never, by default. */
  readonly pass?: 0 | 1 | 2
}

export interface DeclareMount {
  (path: string, options: MountOptions): void
  /** Not mounted, and not in /etc/fstab. */
  absent(path: string, options?: DeclareOptions): void
}

/** `mount('/srv/data', { device: 'LABEL=data', type: 'ext4', options: 'noatime' })`. Source: fstab(5), mount(8), proc_pid_mountinfo(5). */
export function mount(declare: Declare): DeclareMount {
  const present = (path: string, given: MountOptions): void => {
    const { device, type, options = 'defaults', pass = 0, ...rest } = given
    for (const [what, text] of [
      ['a device', device],
      ['options of a mount', options],
    ] as const)
      checkedLine(what, text)
    if (/\s/.test(options))
      throw new RangeError(`expected options of a mount without spaces, got ${JSON.stringify(options)}`)
    checkedMatch('a type of file system', /[a-z0-9][a-z0-9_.-]*/, type)
    const line = fstabLine(device, checkedPath(path), type, options, '0', String(pass))
    const edit = (text: string) => withFstabLine(text, { field: 1, value: path }, line)
    const isBind = options.split(',').includes('bind')
    const isTyped = !isBind && type !== 'none' && type !== 'auto'
    const wanted = { path, device, type: isTyped ? type : undefined, options, isBind }
    // First of all it is mounted: a line that can't be would stop the next boot.
    declare(mounts, { name: path, wanted }, rest)
    declareEdit(declare, 'mount', '/etc/fstab', path, { edit, after: reload }, { ...rest, create: true })
  }
  return Object.assign(present, {
    absent(path: string, options: DeclareOptions = {}): void {
      declare(mounts, { name: path, wanted: { path: checkedPath(path) } }, options)
      const edit = (text: string) => withFstabLine(text, { field: 1, value: path }, undefined)
      declareEdit(declare, 'mount', '/etc/fstab', path, { edit, isRemoval: true, after: reload }, options)
    },
  })
}

interface WantedMount {
  readonly path: string
  /** Absent: nothing is to be mounted there. */
  readonly device?: string
  /** Undefined: any. */
  readonly type?: string | undefined
  readonly options?: string
  readonly isBind?: boolean
}

interface FoundMount {
  /** Empty: nothing is mounted there. */
  readonly type: string
  /** What is mounted, where that is certainly another device, directory or export than wanted; else empty. */
  readonly other: string
  readonly options: readonly string[]
}

const mounts: Kind<WantedMount, FoundMount> = {
  noun: 'mount',
  usesUnits: false,

  ...readByPerl<WantedMount, FoundMount>({
    items: 'mounts',
    // The last line of a place is the one on top.
    perl: String.raw`
      my %of; sub before { for (split /\n/, slurp("/proc/self/mountinfo") // die "no /proc/self/mountinfo\n") {
        my ($head, $tail) = split / - /, $_, 2; my (undef, undef, undef, undef, $at, $options) = split / /, $head; my ($type, $source, $super) = split / /, $tail;
        s/\\([0-7]{3})/chr oct $1/ge for $at, $source; $of{$at} = [$type, "$options,$super", $source] } }
      sub item { my ($path, $device, $bind) = @_; my ($type, $options, $source) = @{$of{$path} // return ("", "", "")}; ($type, $options, other($path, $device, $bind, $type, $source)) }
      sub other { my ($path, $device, $bind, $type, $source) = @_;
        if ($bind) { my @a = stat $path; my @b = stat $device; return @a && @b && "@a[0, 1]" ne "@b[0, 1]" ? "another directory" : "" }
        return $device =~ s{/+$}{}r eq $source =~ s{/+$}{}r ? "" : $source if $type =~ /^nfs/;
        $device =~ s{^(UUID|LABEL|PARTUUID|PARTLABEL)=}{"/dev/disk/by-" . lc($1) . "/"}e;
        -b $device && -b $source && (stat $device)[6] != (stat $source)[6] ? $source : "" }`,
    given: ({ path, device = '', isBind }) => [path, device, isBind ? '1' : ''],
    found: ([type = '', options = '', other = '']) => known({ type, options: options.split(','), other }),
  }),

  diff(wanted, found) {
    if (wanted.device === undefined)
      return differs('state', found.type === '' ? 'not mounted' : 'mounted', 'not mounted')
    if (found.type === '') return differs('state', 'not mounted', 'mounted')
    if (!hasType(wanted, found)) return differs('type', found.type, wanted.type ?? '')
    if (found.other !== '') return differs('device', found.other, wanted.device)
    return missing(wanted, found).map((what): Difference => ({ what, found: 'off', wanted: 'on' }))
  },

  apply(wanted, found) {
    const { path, device, type = 'none', options = 'defaults', isBind } = wanted
    const at = quote(path)
    if (device === undefined) return `umount -- ${at}\n`
    if (found.type !== '' && found.other === '' && hasType(wanted, found)) {
      const flags = ['remount', ...(isBind ? ['bind'] : []), ...missing(wanted, found)]
      return `mount -o ${flags.join(',')} -- ${at}\n`
    }
    return `[ -d ${at} ] || { echo ${quote(`${path}: does not exist: declare the directory before`)} >&2; return 1; }
${found.type === '' ? '' : `umount -- ${at}\n`}mount -t ${quote(type)} -o ${quote(options)} -- ${quote(device)} ${at}\n`
  },
}

// systemd makes units of the lines.
const reload = 'units_changed\n'

function hasType({ type }: WantedMount, found: FoundMount): boolean {
  return type === undefined || found.type === type
}

// Those of mount(8) that the kernel shows as they were given.
const shown = [
  'ro',
  'rw',
  'nosuid',
  'nodev',
  'noexec',
  'noatime',
  'nodiratime',
  'relatime',
  'sync',
  'dirsync',
]

// A mount that is read-only shows `ro` of its own, or of the file system beneath it.
function missing({ options = '' }: WantedMount, found: FoundMount): readonly string[] {
  const flags = options.split(',').filter(option => shown.includes(option))
  return flags.filter(flag => (flag === 'rw' ? found.options.includes('ro') : !found.options.includes(flag)))
}
