import { createHash } from 'node:crypto'
import { quoteAll } from '#engine/quote.ts'
import { checkedPath } from './checked.ts'
import { type AttributeOptions, attributes } from './file.ts'
import { readByPerl } from './perl-reader.ts'
import { type Declare, type DeclareOptions, type Kind, known, type State, unknown } from './resource.ts'
import { here } from './shell.ts'

/** What an edit makes of a text, and how people see its own part of it: `found` and `wanted` are the same where nothing is to do. */
export interface Edited {
  readonly text: string
  readonly found: string
  readonly wanted: string
}

/** An edit of a text file that others may edit too. */
export interface WantedEdit {
  readonly path: string
  /** Pure; the same again changes nothing. Throws RangeError where the text can't be edited: it is not JSON. */
  edit(text: string): Edited
  /** How the file is made where there is none. Absent: it has to exist, or `isRemoval`. */
  readonly create?: Attributes | undefined
  /** There is nothing to do where the file does not exist. */
  readonly isRemoval: boolean
  readonly isSecret: boolean
  /** Its text may be shown, though not everyone can read the file. */
  readonly isShown?: true
  /** Shell that follows a change. */
  readonly after?: string
  /** The file is below the home of this user and belongs to it; `path` begins with `~<user>`. */
  readonly user?: string
}

interface Attributes {
  readonly mode: string
  readonly owner: string
  readonly group: string
}

interface FoundEdit {
  /** Where links lead. */
  readonly path: string
  readonly exists: boolean
  /** Everyone may read it. */
  readonly isPublic: boolean
  readonly before: string
  /** Why it can't be edited, or what comes of it. */
  readonly after: Edited | string
}

/**
 * Edits of files. The host sends the text of each file once; what comes of it is worked out here, for all edits of a file
 * one after the other. A step sends the bytes that change and the hash of the result: a file that has been changed
 * meanwhile is left alone, and the next pass reads it again.
 */
export const edits: Kind<WantedEdit, FoundEdit> = {
  noun: 'edit',
  usesUnits: false,

  probe: items => reader.probe(items, { diff: false }),

  parse(output, items) {
    const files = new Map<string, State<FoundFile>>()
    const texts = new Map<string, string>()
    return reader.parse(output, items).map((state, index): State<FoundEdit> => {
      const wanted = items[index] as WantedEdit
      const file = files.get(wanted.path) ?? state
      files.set(wanted.path, file)
      if (!file.known) return file
      const before = texts.get(wanted.path) ?? file.value.text
      const exists = file.value.exists || texts.has(wanted.path)
      if (!exists && !wanted.create && !wanted.isRemoval) return unknown(`there is no ${wanted.path} yet`)
      const after =
        file.value.problem || (exists || !wanted.isRemoval ? edited(wanted, before) : unchanged(before))
      if (typeof after !== 'string' && after.text !== before) texts.set(wanted.path, after.text)
      return known({ path: file.value.path, exists, isPublic: file.value.isPublic, before, after })
    })
  },

  diff(wanted, { exists, isPublic, before, after }) {
    if (typeof after === 'string') return [{ what: 'file', found: after, wanted: 'text to edit' }]
    const isMissing = !exists && !wanted.isRemoval
    if (after.text === before && !isMissing) return []
    const isShown = !wanted.isSecret && (isPublic || !exists || wanted.isShown === true)
    const text = isShown ? ({ before, after: after.text } as const) : ('secret' as const)
    if (wanted.isSecret) return [{ what: 'content', found: 'another', wanted: 'as declared', text }]
    return [{ what: 'content', found: isShown ? after.found : 'another', wanted: after.wanted, text }]
  },

  apply(wanted, found) {
    return `${written(wanted, found)}${wanted.after ?? ''}`
  },
}

function written(wanted: WantedEdit, { path, exists, before, after }: FoundEdit): string {
  if (typeof after === 'string') return `printf '%s\\n' ${quoteAll([`${path}: ${after}`])} >&2; return 1\n`
  const [old, next] = [Buffer.from(before), Buffer.from(after.text)]
  if (!exists && wanted.user === undefined && wanted.create) {
    const { mode, owner, group } = wanted.create
    return here(`put ${quoteAll([path, mode, owner, group])} ${next.length}`, next)
  }
  const { start, end, middle } = change(old, next)
  const hash = createHash('sha256').update(next).digest('hex')
  const args = [path, String(start), String(old.length - end - start), hash, wanted.user ?? '']
  return here(`edit ${quoteAll(args)}`, middle)
}

export interface EditOptions extends DeclareOptions {
  /** How the file is made where there is none; absent: it has to exist. */
  readonly create?: true | Omit<AttributeOptions, 'notify'>
}

/** Declares an edit of the file at `path`; `name` says which of those that it may have of this noun. */
export function declareEdit(
  declare: Declare,
  noun: string,
  path: string,
  name: string,
  wanted: Pick<WantedEdit, 'edit'> & Partial<Pick<WantedEdit, 'after' | 'isRemoval' | 'isSecret'>>,
  { create, ...options }: EditOptions,
): void {
  const { after, isRemoval = false, isSecret = false } = wanted
  declare(
    { ...edits, noun },
    {
      name: `${path}: ${name}`,
      wanted: {
        path: checkedPath(path),
        edit: wanted.edit,
        isRemoval,
        isSecret,
        ...(after && { after }),
        create: create && attributes(create === true ? {} : create, isSecret ? '0600' : '0644'),
      },
    },
    options,
  )
}

interface FoundFile {
  readonly path: string
  readonly exists: boolean
  readonly isPublic: boolean
  readonly text: string
  /** Empty: it is a text. */
  readonly problem: string
}

const largest = 1_048_576

// The text of a file is sent with its first item; those that follow get `same`. A list assignment sets the user before the group,
// which it then may not set any more.
const perl = String.raw`
  my %seen;
  sub item { my ($path, $user) = @_; return ("same") if $seen{$path}++;
    my ($old, $groups) = ($>, $));
    if ($user ne "") { my @u = getpwnam $user or return unknown("no user $user yet"); $path =~ s/^~[^\/]*/$u[7]/; $) = "$u[3] $u[3]"; $> = $u[2] }
    my @out = look($path); $> = $old; $) = $groups; @out }
  sub look { my ($path) = @_; my $real = $path;
    if (-l $path) { open my $out, "-|", "realpath", "-mz", "--", $path or die "realpath: $!\n"; local $/ = "\0"; chomp($real = <$out>) }
    my @s = stat $real; return ($real, "", "", "", "") unless @s; my @head = ($real, 1, $s[2] & 4 ? 1 : "");
    return (@head, "", "is not a file") unless -f _; return (@head, "", "is larger than ${largest} bytes") if $s[7] > ${largest};
    my $text = slurp($real); return (@head, "", "can't be read: $!") unless defined $text;
    return (@head, "", "is not text: it has a NUL byte") if $text =~ /\0/; (@head, unpack("H*", $text), "") }
`

const reader = readByPerl<WantedEdit, FoundFile>({
  items: 'edits',
  perl,
  given: ({ path, user }) => [path, user ?? ''],
  found([path = '', exists, isPublic, hex = '', problem = '']) {
    const bytes = Buffer.from(hex, 'hex')
    const text = bytes.toString()
    const isUtf8 = Buffer.from(text).equals(bytes)
    return known({
      path,
      exists: exists === '1',
      isPublic: isPublic === '1',
      text,
      problem: isUtf8 ? problem : 'is not text in UTF-8',
    })
  },
})

function edited(wanted: WantedEdit, text: string): Edited | string {
  try {
    return wanted.edit(text)
  } catch (error) {
    if (error instanceof RangeError) return error.message
    throw error
  }
}

function unchanged(text: string): Edited {
  return { text, found: 'absent', wanted: 'absent' }
}

/** What two texts have in common at their start and end, in bytes, and what the second has in between. */
function change(old: Buffer, next: Buffer) {
  const shorter = Math.min(old.length, next.length)
  let start = 0
  while (start < shorter && old[start] === next[start]) start++
  let end = 0
  while (end < shorter - start && old[old.length - 1 - end] === next[next.length - 1 - end]) end++
  return { start, end, middle: next.subarray(start, next.length - end) }
}
