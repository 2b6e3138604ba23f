import { systems } from '#engine/systems.ts'
import type { Check } from './check.ts'

/** Shell that prints what `judge` reads, as NUL-ended pairs. It changes nothing and costs one trip. */
export const healthScript = String.raw`
pair() { printf '%s\0%s\0' "$1" "$2"; }
pair time "$(date +%s.%N)"
pair user "$(id -un)"
if [ -r /etc/os-release ]; then ( . /etc/os-release; [ -n "$VERSION_ID" ] || VERSION_ID=sid; pair os "$ID $VERSION_ID"; pair name "$PRETTY_NAME" ); fi
if [ -d /run/systemd/system ]; then pair systemd "$(systemctl --version | sed -n '1s/^systemd \([^ ]*\).*/\1/p')"; fi
for directory in / /srv /var; do
  pair disk "$directory $(df -Pk -- "$directory" 2>/dev/null | awk 'NR == 2 { print $2, $4 }')"
  pair inodes "$directory $(df -Pi -- "$directory" 2>/dev/null | awk 'NR == 2 { print $2, $4 }')"
done
pair perl "$(perl -e 'printf "%vd", $^V' 2>/dev/null)"
pair openssh "$(sshd -V 2>&1 | sed -n 's/^.*OpenSSH_\([^ ,]*\).*/\1/p' | head -n 1)"
pair dpkg "$(dpkg --audit 2>/dev/null | head -n 1)"
`

/** `began` and `ended` are seconds of this machine's clock around the script. */
export function judge(output: Buffer, began: number, ended: number): readonly Check[] {
  const all = new Map<string, string[]>()
  const values = output.toString().split('\0')
  for (let i = 0; i + 1 < values.length; i += 2) {
    const key = values[i]?.trim() ?? ''
    all.set(key, [...(all.get(key) ?? []), values[i + 1] ?? ''])
  }
  const one = (key: string) => all.get(key)?.[0] ?? ''
  return [
    system(one('os'), one('name'), all.has('systemd')),
    disk(all.get('disk') ?? [], all.get('inodes') ?? []),
    clock(Number(one('time')), began, ended),
    versions(one),
  ]
}

function system(os: string, name: string, systemd: boolean): Check {
  const found = name || 'no /etc/os-release'
  if (!systems.some(each => each === os))
    return { what: 'system', state: 'failed', found, cure: `Capstan manages ${systems.join(', ')}.` }
  if (systemd) return { what: 'system', state: 'ok', found }
  return {
    what: 'system',
    state: 'failed',
    found: `${found} without systemd`,
    cure: 'It has to be booted with systemd.',
  }
}

interface Space {
  readonly directory: string
  readonly total: number
  readonly free: number
}

const mebibyte = 1024

function disk(lines: readonly string[], inodes: readonly string[]): Check {
  const spaces = lines.flatMap(spaceOf)
  const files = inodes.flatMap(spaceOf)
  const least = [...spaces].sort((a, b) => a.free - b.free)[0]
  if (!least)
    return { what: 'disk', state: 'failed', found: 'df says nothing', cure: 'See `df` on the host.' }
  const found = `${least.directory} has ${size(least.free)} free of ${size(least.total)}`
  const cure = `Make room below ${least.directory}: \`du -xh ${least.directory} | sort -h | tail\`; older releases go by app.release.keep.`
  const fewFiles = files.find(({ total, free }) => total > 0 && free < 10_000)
  if (fewFiles)
    return {
      what: 'disk',
      state: 'failed',
      found: `${fewFiles.directory} has room for ${fewFiles.free} files only`,
      cure,
    }
  if (least.free < 300 * mebibyte) return { what: 'disk', state: 'failed', found, cure }
  if (least.free < 2048 * mebibyte || least.free < least.total / 20)
    return { what: 'disk', state: 'warning', found, cure }
  return { what: 'disk', state: 'ok', found }
}

function spaceOf(line: string): readonly Space[] {
  const [directory = '', total = '', free = ''] = line.split(' ')
  // A file system without a number of inodes of its own (btrfs) says 0 or a dash.
  return /^\d+$/.test(total) && /^\d+$/.test(free)
    ? [{ directory, total: Number(total), free: Number(free) }]
    : []
}

function size(kibibytes: number): string {
  const gib = kibibytes / mebibyte / 1024
  return gib >= 1
    ? `${gib < 10 ? gib.toFixed(1) : Math.round(gib)} GiB`
    : `${Math.round(kibibytes / mebibyte)} MiB`
}

// The host told its time somewhere between the two: only what lies beyond both is its error.
function clock(time: number, began: number, ended: number): Check {
  const off = time < began ? time - began : time <= ended ? 0 : time - ended
  const found =
    off === 0 ? 'as here' : `${Math.abs(off).toFixed(1)} s ${off < 0 ? 'behind' : 'ahead of'} this machine`
  const cure = 'On the one that is wrong: `timedatectl set-ntp true`, or install systemd-timesyncd or chrony.'
  if (!Number.isFinite(off)) return { what: 'clock', state: 'failed', found: 'not readable', cure }
  if (Math.abs(off) > 60) return { what: 'clock', state: 'failed', found, cure }
  return Math.abs(off) > 2
    ? { what: 'clock', state: 'warning', found, cure }
    : { what: 'clock', state: 'ok', found }
}

function versions(one: (key: string) => string): Check {
  const told = ['openssh', 'perl', 'systemd'].map(name => `${name} ${one(name) || 'not there'}`)
  const found = told.join(', ')
  if (one('perl') === '')
    return {
      what: 'versions',
      state: 'failed',
      found,
      cure: 'Install perl-base: `apt-get install perl-base`.',
    }
  if (one('dpkg') === '') return { what: 'versions', state: 'ok', found }
  return {
    what: 'versions',
    state: 'warning',
    found: `${found}; a package is only half installed`,
    cure: '`dpkg --audit` names it, `dpkg --configure -a` ends it.',
  }
}
