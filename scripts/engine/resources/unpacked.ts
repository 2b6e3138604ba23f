import { quote, quoteAll } from '#engine/quote.ts'
import { checkedPath } from './checked.ts'
import { readByPerl } from './perl-reader.ts'
import { type DeclareOptions, differs, type Kind, known } from './resource.ts'
import { accountName } from './user.ts'

/** A directory that is made as a whole from somewhere else: an archive, a commit. */
export interface WantedTree {
  readonly path: string
  /** Where it comes from and how it was made; another one means that it is made again. */
  readonly id: string
  readonly owner: string
  readonly group: string
  /** Shell that fills the directory $new, which is empty and root's. */
  readonly fill: string
}

interface FoundTree {
  readonly type: 'directory' | 'absent' | 'other'
  /** Of what is there; empty: it was not made so. */
  readonly id: string
  /** The first path in it that is not as it was made; empty: all are. */
  readonly changed: string
}

export interface TreeOptions extends DeclareOptions {
  /** Of all that is in it; root by default. */
  readonly owner?: string
  /** The owner's name by default. */
  readonly group?: string
}

/**
 * The `probe`, `parse`, `diff` and `apply` of a kind whose items are such directories. A list of all that was made lies in
 * /var/lib/capstan/trees, with sizes, modes and times: what is no more as listed has been changed. What others added is left.
 */
export function trees(noun: string): Kind<WantedTree, FoundTree> {
  return { ...tree, noun }
}

/** The fields that all of them have, checked. */
export function wantedTree(path: string, { owner = 'root', group = owner }: TreeOptions) {
  return { path: checkedPath(path), owner: accountName(owner), group: accountName(group) }
}

// An entry of the list: mode, uid, gid, size, mtime, target of a link and path, each ended by NUL.
const reader = readByPerl<WantedTree, FoundTree>({
  items: 'trees',
  perl: String.raw`
    sub item { my ($path, $list) = @_; my @at = lstat $path or return ("absent", "", ""); return ("other", "", "") unless -d _;
      my ($id, @list) = split /\0/, slurp($list) // "", -1; return ("directory", "", "") unless defined $id; pop @list;
      while (my ($mode, $uid, $gid, $size, $mtime, $target, $name) = splice @list, 0, 7) { my $at = $name eq "" ? $path : "$path/$name"; my @s = lstat $at;
        return ("directory", $id, $name) unless @s && $s[2] == $mode && $s[4] == $uid && $s[5] == $gid;
        next if -d _; return ("directory", $id, $name) unless $s[7] == $size && $s[9] == $mtime && (!-l _ || readlink $at eq $target) }
      ("directory", $id, "") }`,
  given: ({ path }) => [path, listOf(path)],
  found: ([type = '', id = '', changed = '']) => known({ type: type as FoundTree['type'], id, changed }),
})

const tree: Kind<WantedTree, FoundTree> = {
  noun: 'tree',
  probe: (items, options) => reader.probe(items, options),
  parse: (output, items) => reader.parse(output, items),

  diff(wanted, { type, id, changed }) {
    if (type !== 'directory') return differs('state', type, 'directory')
    if (id !== wanted.id) return [{ what: 'source', found: id === '' ? 'another' : id, wanted: wanted.id }]
    return changed === '' ? [] : [{ what: changed, found: 'changed', wanted: 'as it came' }]
  },

  apply({ path, id, owner, group, fill }) {
    const parent = path.replace(/[^/]*$/, '')
    const beside = `${parent}.capstan.${path.slice(parent.length)}`
    return `new=${quote(beside)}; [ -d ${quote(parent)} ] || { echo ${quote(`${path}: its directory does not exist: declare it before`)} >&2; return 1; }
[ ! -e ${quote(path)} ] || [ -d ${quote(path)} ] && [ ! -L ${quote(path)} ] || { echo ${quote(`${path}: exists and is not a directory`)} >&2; return 1; }
rm -rf -- "$new"; mkdir -m 0700 -- "$new"; trap 'rm -rf -- "$new"' EXIT
umask 022
${fill}chmod 0755 -- "$new"; chown -hR -- ${quote(`${owner}:${group}`)} "$new"
tree_list "$new" ${quoteAll([id, listOf(path)])}
tree_replace "$new" ${quote(path)}
mv -- ${quote(`${listOf(path)}.new`)} ${quote(listOf(path))}
`
  },
}

function listOf(path: string): string {
  // A name of a file has room for 255 bytes.
  const hex = Buffer.from(path).toString('hex')
  if (hex.length > 240) throw new RangeError(`expected a path of 120 bytes at most, got ${path}`)
  return `/var/lib/capstan/trees/${hex}`
}
