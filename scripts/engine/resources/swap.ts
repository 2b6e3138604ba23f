import { quote, quoteAll } from '#engine/quote.ts'
import { checkedMatch, checkedPath } from './checked.ts'
import { declareEdit } from './edit.ts'
import { fstabLine, withFstabLine } from './fstab.ts'
import { readByPerl } from './perl-reader.ts'
import { type Declare, type DeclareOptions, differs, type Kind, known } from './resource.ts'

export interface SwapOptions extends DeclareOptions {
  /** `512m`, `2g`. */
  readonly size: string
}

export interface DeclareSwap {
  (path: string, options: SwapOptions): void
  /** Not used, not in /etc/fstab, and the file is gone. */
  absent(path: string, options?: DeclareOptions): void
}

/** `swap('/swapfile', { size: '1g' })`: a file that is swap space, now and at each boot. Source: swapon(8), mkswap(8), fstab(5). */
export function swap(declare: Declare): DeclareSwap {
  const present = (path: string, { size, ...options }: SwapOptions): void => {
    declare(swaps, { name: path, wanted: { path: checkedFile(path), bytes: bytesOf(size) } }, options)
    const edit = (text: string) =>
      withFstabLine(text, { field: 0, value: path }, fstabLine(path, 'none', 'swap', 'sw', '0', '0'))
    declareEdit(declare, 'swap', '/etc/fstab', path, { edit }, { ...options, create: true })
  }
  return Object.assign(present, {
    absent(path: string, options: DeclareOptions = {}): void {
      const edit = (text: string) => withFstabLine(text, { field: 0, value: path }, undefined)
      declareEdit(declare, 'swap', '/etc/fstab', checkedFile(path), { edit, isRemoval: true }, options)
      declare(swaps, { name: path, wanted: { path, bytes: undefined } }, options)
    },
  })
}

interface WantedSwap {
  readonly path: string
  /** Undefined: none. */
  readonly bytes: number | undefined
}

interface FoundSwap {
  /** Undefined: there is no such file. */
  readonly bytes: number | undefined
  /** `0600 root`. */
  readonly access: string
  /** mkswap has been there. */
  readonly isFormatted: boolean
  readonly isActive: boolean
  /** The kernel, and with it swap space, is the machine's. */
  readonly isContainer: boolean
}

const swaps: Kind<WantedSwap, FoundSwap> = {
  noun: 'swap',

  ...readByPerl<WantedSwap, FoundSwap>({
    items: 'swap files',
    // The mark ends the first page, of 4 KiB on most machines and 64 KiB on some.
    perl: String.raw`
      my %on; sub before { for (split /\n/, slurp("/proc/swaps") // "") { my ($path) = split; $path =~ s/\\([0-7]{3})/chr oct $1/ge; $on{$path} = 1 } }
      sub item { my ($path) = @_; my @s = lstat $path; my $mark = 0;
        if (@s && open my $f, "<", $path) { binmode $f; for my $page (4096, 65536) { seek $f, $page - 10, 0; read $f, my $end, 10; $mark ||= $end eq "SWAPSPACE2" } }
        (@s ? $s[7] : "", @s ? sprintf("%04o %s", $s[2] & 07777, $s[4] ? $s[4] : "root") : "", $mark ? 1 : "", $on{$path} // "", -e "/run/systemd/container" ? 1 : "") }`,
    given: ({ path }) => [path],
    found: ([bytes = '', access = '', formatted, active, container]) =>
      known({
        bytes: bytes === '' ? undefined : Number(bytes),
        access,
        isFormatted: formatted === '1',
        isActive: active === '1',
        isContainer: container === '1',
      }),
  }),

  diff(wanted, found) {
    if (wanted.bytes === undefined)
      return differs('state', found.bytes === undefined && !found.isActive ? 'absent' : 'present', 'absent')
    if (found.bytes === undefined) return differs('state', 'absent', 'present')
    return [
      ...differs('size', `${found.bytes} bytes`, `${wanted.bytes} bytes`),
      ...differs('access', found.access, '0600 root'),
      ...differs('format', found.isFormatted ? 'swap' : 'none', 'swap'),
      ...(found.isContainer ? [] : differs('in use', found.isActive ? 'yes' : 'no', 'yes')),
    ]
  },

  apply({ path, bytes }, found) {
    const at = quote(path)
    const off = found.isActive ? `swapoff -- ${at}\n` : ''
    if (bytes === undefined) return `${off}rm -f -- ${at}\n`
    const on = found.isContainer ? '' : `swapon -- ${at}\n`
    if (found.bytes === bytes && found.isFormatted)
      return `chown root:root -- ${at}; chmod 0600 -- ${at}\n${found.isActive ? '' : on}`
    // Half of what is free stays free: a full disk stops more than swap space helps.
    return `free=$(df --output=avail -B1 -- ${quote(path.replace(/[^/]+$/, ''))} | tail -n 1)
[ "$free" -ge ${bytes * 2} ] || { echo ${quote(`${path}: ${bytes} bytes of swap space need twice as much free space`)} "there are $free" >&2; return 1; }
${off}rm -f -- ${at}; umask 077
fallocate -l ${bytes} -- ${at} 2>/dev/null || dd if=/dev/zero ${quoteAll([`of=${path}`])} bs=1M count=${bytes} iflag=count_bytes status=none
mkswap -- ${at} >/dev/null
${on}`
  },

  warning({ path, bytes }, { isContainer }) {
    if (bytes === undefined || !isContainer) return undefined
    return `swap ${path}: is not in use: a container has the swap space of its machine`
  },
}

// What fstab and /proc/swaps would have to escape is no name for it.
function checkedFile(path: string): string {
  return checkedMatch('an absolute path of letters, digits and ._-/', /[A-Za-z0-9._/-]+/, checkedPath(path))
}

function bytesOf(size: string): number {
  const [, count, unit = ''] = /^([1-9]\d{0,5})([mg])$/i.exec(size) ?? []
  const bytes = Number(count) * (unit.toLowerCase() === 'g' ? 1024 ** 3 : 1024 ** 2)
  if (Number.isInteger(bytes)) return bytes
  throw new RangeError(`expected a size such as 512m or 2g, got ${JSON.stringify(size)}`)
}
