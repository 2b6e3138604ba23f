import { createHash } from 'node:crypto'
import type { Difference } from '#engine/output/events.ts'
import { quote, quoteAll } from '#engine/quote.ts'
import { differs, type FileChange, type Kind, known, type State } from './resource.ts'
import { fields, here } from './shell.ts'

interface Attributes {
  /** Four octal digits: `0644`. */
  readonly mode: string
  readonly owner: string
  readonly group: string
}

/** What is to be at an absolute path. `content` absent: the file must exist, with whatever is in it. */
export type WantedPath =
  | ({
      readonly type: 'file'
      readonly path: string
      readonly content: Buffer | undefined
      readonly secret: boolean
    } & Attributes)
  | ({ readonly type: 'directory'; readonly path: string } & Attributes)
  | { readonly type: 'link'; readonly path: string; readonly target: string }
  | { readonly type: 'absent'; readonly path: string }

/** What lstat(2) says, `absent` where nothing is. `content` only with --diff, and only where it differs. */
export interface FoundPath extends Attributes {
  readonly type: 'file' | 'directory' | 'link' | 'absent' | 'other'
  /** Hex; empty where the size already differs or no content is wanted. */
  readonly sha256: string
  readonly target: string
  readonly content: Buffer | undefined
}

/**
 * Files, directories, links and their absence, read by one perl and one sha256sum for all of them.
 * Source: lstat(2), readlink(2), sha256sum(1); getpwuid(3) for the names.
 */
export const path: Kind<WantedPath, FoundPath> = {
  noun: 'path',
  usesUnits: false,

  probe(items, options) {
    const lines = items.flatMap(item => {
      const content = item.type === 'file' ? item.content : undefined
      return [item.path, content ? String(content.length) : '', content ? sha256(content) : '']
    })
    const secretly = items.map(item => (item.type === 'file' && item.secret ? '1' : '0')).join('')
    return here(`perl -e ${quote(reader)} -- ${options.diff ? 1 : 0} ${secretly}`, lines.join('\0'))
  },

  parse(output, items) {
    const values = fields(output)
    if (values.length !== items.length * width)
      throw new Error(`${items.length} paths were probed, ${values.length / width} were answered`)
    return items.map((_, index) => readFound(values.slice(index * width, (index + 1) * width)))
  },

  diff(wanted, found) {
    if (wanted.type === 'absent') return differs('state', found.type, 'absent')
    if (wanted.type === 'link')
      return found.type === 'link'
        ? differs('target', found.target, wanted.target)
        : differs('state', found.type, `link to ${wanted.target}`)
    if (found.type !== wanted.type)
      return [
        {
          what: 'state',
          found: found.type,
          wanted: wanted.type,
          ...(wanted.type === 'file' ? textOf(wanted, '') : {}),
        },
      ]
    return [
      ...(wanted.type === 'file' ? contentDifference(wanted, found) : []),
      ...differs('mode', found.mode, wanted.mode),
      ...differs('owner', found.owner, wanted.owner),
      ...differs('group', found.group, wanted.group),
    ]
  },

  apply: applyPath,
  changes: { like: applyPath, of: changeOf },
}

function applyPath(wanted: WantedPath, found: FoundPath): string {
  const { what, args, content } = changeOf(wanted, found)
  if (what === 'remove') return `rm -rf --one-file-system -- ${quoteAll(args)}\n`
  const command = `${what} ${quoteAll(args)}`
  return content ? here(command, content) : `${command}\n`
}

function changeOf(wanted: WantedPath, found: FoundPath): FileChange {
  switch (wanted.type) {
    case 'absent':
      return { what: 'remove', args: [wanted.path] }
    case 'link':
      return { what: 'symlink', args: [wanted.target, wanted.path] }
    case 'directory':
      return { what: 'directory', args: attributesOf(wanted) }
    case 'file': {
      const rewrite = found.type !== 'file' || contentDifference(wanted, found).length > 0
      if (!rewrite) return { what: 'attributes', args: attributesOf(wanted) }
      const content = wanted.content ?? Buffer.alloc(0)
      return { what: 'put', args: [...attributesOf(wanted), String(content.length)], content }
    }
  }
}

// Reads NUL-separated triples (path, wanted size, wanted hash) and prints eight fields for each path.
const reader = String.raw`
  my ($diff, $secret) = @ARGV; local $/; my @in = split /\0/, <STDIN>, -1; $/ = "\n";
  my (@items, @hash, %sum, %user, %group); my $room = 8388608;
  while (@in) { my ($path, $size, $sum) = splice @in, 0, 3; my @s = lstat $path;
    my $type = !@s ? "absent" : -l _ ? "link" : -d _ ? "directory" : -f _ ? "file" : "other";
    my $same = $type eq "file" && $size ne "" && $s[7] == $size; push @hash, $path if $same;
    push @items, [$path, $sum, $type, $size ne "", $same, @s ? @s[2, 4, 5, 7] : (0, 0, 0, 0)] }
  while (my @some = splice @hash, 0, 500) { open my $out, "-|", "sha256sum", "-z", "--", @some or die "sha256sum: $!\n";
    local $/ = "\0"; while (<$out>) { chomp; $sum{substr $_, 66} = substr $_, 0, 64 } }
  binmode STDOUT; for my $i (0 .. $#items) { my ($path, $want, $type, $content, $same, $mode, $uid, $gid, $size) = @{$items[$i]};
    my $sum = $same ? $sum{$path} // "" : ""; my $body = "";
    if ($diff && $content && $type eq "file" && $sum ne $want && $size < 262144 && $size < $room && !substr $secret, $i, 1) {
      if (open my $file, "<", $path) { local $/; $body = "=" . unpack "H*", scalar <$file> // ""; $room -= $size } }
    my $user = $user{$uid} //= getpwuid($uid) // $uid; my $group = $group{$gid} //= getgrgid($gid) // $gid;
    print join "\0", $type, (sprintf "%04o", $mode & 07777), $user, $group, $sum, ($type eq "link" ? readlink $path : ""), $size, $body, ""; }
`

const width = 8

function readFound(values: readonly string[]): State<FoundPath> {
  const [type = '', mode = '', owner = '', group = '', hash = '', target = '', , body = ''] = values
  return known({
    type: type as FoundPath['type'],
    mode,
    owner,
    group,
    sha256: hash,
    target,
    content: body === '' ? undefined : Buffer.from(body.slice(1), 'hex'),
  })
}

type WantedFile = Extract<WantedPath, { type: 'file' }>

function contentDifference(wanted: WantedFile, found: FoundPath): readonly Difference[] {
  if (!wanted.content || found.sha256 === sha256(wanted.content)) return []
  // The hash of a secret would let it be guessed.
  if (wanted.secret) return [{ what: 'content', found: 'another', wanted: 'as declared', text: 'secret' }]
  return [
    {
      what: 'content',
      found: found.sha256.slice(0, 12) || 'of another size',
      wanted: sha256(wanted.content).slice(0, 12),
      ...(found.content ? textOf(wanted, found.content) : {}),
    },
  ]
}

function textOf(wanted: WantedFile, before: Buffer | string): Pick<Difference, 'text'> {
  if (wanted.secret) return { text: 'secret' }
  const content = wanted.content ?? Buffer.alloc(0)
  if (content.includes(0) || Buffer.from(before).includes(0)) return { text: 'binary' }
  return { text: { before: before.toString(), after: content.toString() } }
}

function attributesOf(wanted: { readonly path: string } & Attributes): readonly string[] {
  return [wanted.path, wanted.mode, wanted.owner, wanted.group]
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}
