import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { quoteAll } from '#engine/quote.ts'
import { directory, file } from './file.ts'
import { readByPerl } from './perl-reader.ts'
import { type Declare, type DeclareOptions, type Kind, known, type RolePlace } from './resource.ts'
import { rolePath } from './role-file.ts'

export interface RoleTreeOptions extends DeclareOptions {
  /** Of files; `0644` by default, `0755` of those that are executable here. */
  readonly mode?: string
  /** `0755` by default. */
  readonly directoryMode?: string
  readonly owner?: string
  readonly group?: string
  /** What else is in it on the host is removed. */
  readonly prune?: boolean
}

/** `tree('/etc/shop', 'files/shop')`: a folder of the role, with all that is in it. */
export function tree(declare: Declare, role: RolePlace) {
  const directories = directory(declare)
  const files = file(declare)
  return (at: string, folder: string, options: RoleTreeOptions = {}): void => {
    const { mode, directoryMode = '0755', prune = false, ...rest } = options
    const root = rolePath(role, folder)
    const names = readdirSync(root, { recursive: true, encoding: 'utf8' }).sort()
    directories(at, { ...rest, mode: directoryMode })
    for (const name of names) {
      const stats = statSync(rolePath(role, join(folder, name)))
      const isExecutable = (stats.mode & 0o100) !== 0
      if (stats.isDirectory()) directories(join(at, name), { ...rest, mode: directoryMode })
      else if (stats.isFile())
        files(join(at, name), {
          ...rest,
          content: readFileSync(join(root, name)),
          mode: mode ?? (isExecutable ? '0755' : '0644'),
        })
      else throw new RangeError(`${join(folder, name)}: is neither a file nor a folder`)
    }
    if (prune) declare(extras, { name: at, wanted: { path: at, names } }, options)
  }
}

interface WantedNames {
  readonly path: string
  readonly names: readonly string[]
}

/** What a directory has beside the names that are declared: of a folder all at once. */
const extras: Kind<WantedNames, readonly string[]> = {
  noun: 'tree',

  ...readByPerl<WantedNames, readonly string[]>({
    items: 'trees',
    perl: String.raw`
      sub item { my ($path, @names) = @_; my %kept = map { $_ => 1 } @names; my (@extra, @todo) = (); push @todo, "";
        while (@todo) { my $in = shift @todo; opendir my $d, "$path/$in" or next;
          for my $name (sort grep { !/^\.\.?$/ } readdir $d) { my $at = $in eq "" ? $name : "$in/$name";
            if (!$kept{$at}) { push @extra, $at } elsif (-d "$path/$at" && !-l "$path/$at") { push @todo, $at } } }
        @extra }`,
    given: ({ path, names }) => [path, ...names],
    found: values => known(values),
  }),

  diff: (_, names) => names.map(what => ({ what, found: 'present', wanted: 'absent' })),
  apply: ({ path }, names) =>
    `rm -rf --one-file-system -- ${quoteAll(names.map(name => `${path}/${name}`))}\n`,
}
