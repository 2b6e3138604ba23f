import { quote } from '#engine/quote.ts'
import { type Kind, type State, unknown } from './resource.ts'
import { fields, here } from './shell.ts'

/** How one perl on the host reads the state of all items of a kind. */
interface PerlReader<Wanted, Found> {
  /** What the error of an unexpected answer calls the items: `users`. */
  readonly items: string
  /**
   * Perl with a `sub item { my (…) = @_; … }` that gets the fields of an item and returns the fields of its state; it
   * may return `unknown("why")`. A `sub before` gets all items first, each as an array reference. `slurp(PATH)` gives a file's
   * bytes, undef where it can't be read; `sha256(PATH…)` a hash of path to digest.
   */
  readonly perl: string
  /** What `item` gets. Text without NUL. */
  given(wanted: Wanted): readonly string[]
  /** What `item` returned, as a state. */
  found(values: readonly string[], wanted: Wanted): State<Found>
}

/** The `probe` and `parse` of a kind whose items one perl reads, without modules: perl-base is all that a host needs. */
export function readByPerl<Wanted, Found>(
  reader: PerlReader<Wanted, Found>,
): Pick<Kind<Wanted, Found>, 'probe' | 'parse'> {
  return {
    probe(items) {
      const given = items.map(reader.given).flatMap(values => [String(values.length), ...values])
      return here(`perl -e ${quote(`${common}${reader.perl}${eachItem}`)}`, given.join('\0'))
    },

    parse(output, items) {
      const values = fields(output)
      const states: State<Found>[] = []
      let at = 0
      for (const wanted of items) {
        const count = Number(values[at])
        const found = values.slice(at + 1, at + 1 + count)
        if (values[at] === '?') states.push(unknown(values[at + 1] ?? ''))
        else if (count >= 0 && found.length === count) states.push(reader.found(found, wanted))
        else break
        at += values[at] === '?' ? 2 : count + 1
      }
      if (states.length === items.length && at === values.length) return states
      throw new Error(`${items.length} ${reader.items} were probed, ${states.length} were answered`)
    },
  }
}

const common = String.raw`
  use strict; binmode STDIN; binmode STDOUT;
  sub slurp { open my $file, "<", $_[0] or return; local $/; binmode $file; scalar <$file> // "" }
  sub unknown { \$_[0] }
  sub sha256 { my %sum; while (my @some = splice @_, 0, 500) { open my $out, "-|", "sha256sum", "-z", "--", @some or die "sha256sum: $!\n";
    local $/ = "\0"; while (<$out>) { chomp; $sum{substr $_, 66} = substr $_, 0, 64 } } %sum }
`

const eachItem = String.raw`
  my @all = split /\0/, do { local $/; <STDIN> }, -1; my @items;
  while (@all) { my $count = shift @all; push @items, [splice @all, 0, $count] }
  before(@items) if defined &before;
  for (@items) { my @out = item(@$_); my ($first) = @out; print join "\0", (ref $first ? ("?", $$first) : (scalar @out, @out)), "" }
`
