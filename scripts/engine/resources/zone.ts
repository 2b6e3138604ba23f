import { join } from 'node:path'
import type { Difference } from '#engine/output/events.ts'
import { quote, quoteAll } from '#engine/quote.ts'
import { type Declare, type DeclareOptions, differs, type Kind, known } from './resource.ts'
import { fields, here } from './shell.ts'
import { render } from './template.ts'
import { answeredSerial, isServed, raisedSerial, serialInFile, silent } from './zone-serial.ts'

/** A zone file, and the authoritative server that is to answer from it. */
export interface Zone {
  /** The zone's apex, without a dot at its end: `foobar.com`. */
  readonly name: string
  /** The path of its file. */
  readonly file: string
  /** The address at which the host itself asks its server: `127.0.0.1`. */
  readonly at: string
  /** PowerDNS signs the zone, and adds the weeks since 1970 to its serial (SOA-EDIT `INCREMENT-WEEKS`); absent: no. */
  readonly isSigned?: boolean
  /** A NOTIFY is sent when the zone is read again; absent: PowerDNS sends one within a minute, where it has secondary servers. */
  readonly notifies?: boolean
}

interface WantedZone extends Zone {
  /** The whole file, with 0 for its serial. */
  readonly text: string
}

/** The file as it is, and what the server answers. */
interface FoundZone {
  readonly type: 'file' | 'absent' | 'other'
  /** Four octal digits and two names: `0644 root:root`. */
  readonly access: string
  readonly text: string
  /** The serial that is served; a word where none is: `nothing`, `refused`. */
  readonly served: string
  /** The least serial that a change of this moment gets, by the host's clock. */
  readonly stamp: number
}

/**
 * Zone files. The serial is no part of what is wanted: it moves when the rest does, to one above what the file
 * has and what the server serves, and never below the date: so it grows also after a clock that went wrong or a
 * file that came back from a backup. A zone that is served with another serial than its file's differs, too.
 */
export const zones: Kind<WantedZone, FoundZone> = {
  noun: 'zone',

  probe(items) {
    const lines = items.flatMap(item => [item.file, item.at, item.name, item.isSigned ? '1' : ''])
    return here(`perl -e ${quote(reader)}`, lines.join('\0'))
  },

  parse(output, items) {
    const values = fields(output)
    if (values.length !== items.length * 5)
      throw new Error(`${items.length} zones were probed, ${values.length / 5} were answered`)
    return items.map((_, index) => {
      const [type = '', access = '', text = '', served = '', stamp = ''] = values.slice(index * 5)
      return known({
        type: type as FoundZone['type'],
        access,
        text: Buffer.from(text, 'hex').toString(),
        served,
        stamp: Number(stamp),
      })
    })
  },

  diff(wanted, found) {
    const moves = moved(wanted, found)
    return [
      ...(moves ? [moves] : differs('served serial', found.served, String(serialOf(found.text)))),
      ...(found.type === 'file' ? differs('access', found.access, access) : []),
    ]
  },

  apply(wanted, found) {
    const file = quoteAll([wanted.file, '0644', 'root', 'root'])
    if (moved(wanted, found)) return here(`put ${file}`, withSerial(wanted.text, nextSerial(found)))
    return `attributes ${file}\n`
  },
}

export interface ZoneOptions extends DeclareOptions, Omit<Zone, 'file'> {
  /** The values the template names; `serial` is not among them: the template has a 0 in its place. */
  readonly vars: Readonly<Record<string, unknown>>
  /** The template's path below `templates/`. */
  readonly from: string
}

export interface DeclareZone {
  (file: string, options: ZoneOptions): void
  /** Shell for a handler: PowerDNS reads the zone's file again; fails unless it then answers the file's serial. */
  reload(zone: Zone): string
  /** Shell that fails unless the server answers the serial of the zone's file within 5 s. */
  served(zone: Zone): string
}

/** `zone('/etc/powerdns/zones/foobar.com.zone', { name: 'foobar.com', at: '127.0.0.1', from, vars })`. */
export function zone(declare: Declare, role: { readonly directory: string }): DeclareZone {
  const wanted = (file: string, options: ZoneOptions) => {
    const text = render(join(role.directory, 'templates', `${options.from}.ejs`), options.vars)
    if (typeof text !== 'string') throw new TypeError(`${file}: a zone is public, it can’t hold a secret`)
    if (serialOf(text) !== 0)
      throw new TypeError(`${options.from}: expected 0 as the serial of its SOA record`)
    const { name, at, isSigned = false } = options
    declare(zones, { name: file, wanted: { name, at, isSigned, file, text } }, options)
  }
  const served = ({ name, file, at, isSigned = false }: Zone) =>
    `perl -e ${quote(isServed)} -- ${quoteAll([name, at, file, isSigned ? '1' : ''])}\n`
  return Object.assign(wanted, {
    served,
    // bind-reload-now exits with 0 whatever it finds. Only a server that gives no answer at all is restarted: it
    // may still listen elsewhere, while one that answers goes on with the zone it has.
    reload: (zone: Zone) =>
      [
        'unit_active pdns.service 2>/dev/null || unit_restart pdns.service\n',
        `pdns_control bind-reload-now ${quote(zone.name)} >/dev/null\n`,
        `if ${served(zone)}then :; else [ $? = ${silent} ]; unit_restart pdns.service; ${served(zone)}fi\n`,
        zone.notifies ? `pdns_control notify ${quote(zone.name)} >/dev/null\n` : '',
      ].join(''),
  })
}

/** The serial of a zone file's SOA record; undefined where it has none. */
export function serialOf(text: string): number | undefined {
  const digits = new RegExp(serialInFile).exec(text)?.[2]
  return digits === undefined ? undefined : Number(digits)
}

/**
 * Above the file's and the served one, at least the stamp. After the last 32-bit serial comes 1, which counts as
 * later. Source: RFC 1982, 3.1.
 */
export function nextSerial(found: Pick<FoundZone, 'text' | 'served' | 'stamp'>): number {
  const served = /^\d+$/.test(found.served) ? Number(found.served) : 0
  const next = Math.max((serialOf(found.text) ?? 0) + 1, served + 1, found.stamp)
  return next > 0xffff_ffff ? 1 : next
}

const access = '0644 root:root'

const reader = `${answeredSerial}${raisedSerial}
  local $/; my @in = split /\\0/, <STDIN>, -1; my $stamp = stamp();
  while (my ($path, $at, $name, $signed) = splice @in, 0, 4) { my @s = lstat $path; my ($access, $text) = ("", "");
    my $type = !@s ? "absent" : -f _ && $s[7] < 16e6 ? "file" : "other";
    if ($type eq "file") { $access = sprintf "%04o %s:%s", $s[2] & 07777, getpwuid($s[4]) // $s[4], getgrgid($s[5]) // $s[5];
      if (open my $file, "<", $path) { $text = unpack "H*", scalar <$file> // "" } }
    print join "\\0", $type, $access, $text, served($at, $name, $signed), $stamp, "" }
`

/** The one difference for which the file is written again, with its next serial. */
function moved(wanted: WantedZone, found: FoundZone): Difference | undefined {
  const next = nextSerial(found)
  const serial = serialOf(found.text)
  const text = { before: found.text, after: withSerial(wanted.text, next) }
  if (found.type !== 'file') return { what: 'state', found: found.type, wanted: 'file', text }
  if (withSerial(found.text, 0) !== wanted.text)
    return { what: 'content', found: `serial ${serial ?? 'none'}`, wanted: `serial ${next}`, text }
  if (Number(found.served) > (serial ?? 0))
    return { what: 'serial', found: `${serial}, ${found.served} is served`, wanted: String(next), text }
  return undefined
}

function withSerial(text: string, serial: number): string {
  return text.replace(new RegExp(serialInFile), `$1${serial}`)
}
