# shellcheck shell=dash disable=SC2086
# What the stages of converge run on, beside host/stage.sh; stage.ts calls it.

at_end() { units_read || :; for old in $KEPT; do rm -rf -- "$old"; done; rm -f -- "$LEFTOVERS"; }
# Between steps only: the controller asked the stage to stop.
halt() { [ -e "$STOP" ] || return 0; [ -z "$IN_SET" ] || exit 123; mark stopped; finish 0; }
KEPT= INSTALLED= RAN= IN_SET= QUIET= SYNCED= PUTTING_BACK=

# remember_sites: which sites this host is set up for, before anything of it is changed; facts.ts reads it.
remember_sites() {
  [ -e "$SITE_FILE" ] && [ "$(cat -- "$SITE_FILE")" = "$SITES" ] && return
  printf '%s\n' "$SITES" >"$SITE_FILE.new" && mv -- "$SITE_FILE.new" "$SITE_FILE" || finish 73
}

# set_pending KEY…: handlers are remembered on disk before what notifies them changes; NEWLY: those that were not pending.
set_pending() {
  NEWLY='' synced=1
  for key; do
    [ -e "$PENDING/$key" ] || { true >"$PENDING/$key" || finish 73; NEWLY="$NEWLY $key" synced=; }
    # One of a run that was killed may not be on the disk yet.
    case " $SYNCED " in *" $key "*) ;; *) SYNCED="$SYNCED $key" synced= ;; esac
  done
  [ -n "$synced" ] || sync -- "$PENDING"
}

# run STEP
run() {
  halt
  if [ -n "$QUIET" ]; then isolated "step_$1"; else perform "$1"; mark end "$1" "$CODE"; fi
  [ "$CODE" = 0 ] && return
  [ -z "$IN_SET" ] || exit 124
  finish "$CODE"
}

# many <changes: the steps that they are, one after the other, in one process. Each is the index of its step, the name of a function
# of FILES, the number of its arguments, and these, each ended by NUL; then the content of a file, as long as its last argument says.
# Files that follow one another are written, synced together, and renamed one after the other: a sync for each takes 3 ms.
many() { perl -e "$FILES"'
  my ($nonce, $stop) = @ARGV; $| = 1; binmode STDIN; binmode STDOUT; local $/; my $in = <STDIN>; my ($at, @files, @new) = (0);
  my %change = (directory => \&directory, attributes => \&attributes, symlink => \&symlink_, remove => \&remove);
  while ($at < length $in) { my ($index, $what, $count) = (field(), field(), field()); my @args = map { field() } 1 .. $count;
    if ($what eq "put") { push @files, [$index, @args, substr $in, $at, $args[4]]; $at += $args[4]; next }
    files(); step($index, sub { $change{$what}->(@args) }) }
  files();
  sub mark { print "\n$nonce $_[0]\n" or exit 74 }
  sub field { my $end = index $in, "\0", $at; die "the changes end too soon\n" if $end < 0; my $field = substr $in, $at, $end - $at; $at = $end + 1; $field }
  sub step { my ($index, $do) = @_; mark("begin $index"); eval { $do->(); 1 } and return mark("end $index 0"); print STDERR $@; unlink @new; mark("end $index 1"); exit 1 }
  sub halt { return unless -e $stop; unlink @new; exit 123 }
  sub files { my @all = splice @files or return halt(); halt(); my ($few, $wrong) = (@all < 4);
    for (@all) { my (undef, @args) = @$_; my $new = eval { fill($few ? 04010000 : 0, @args) }; defined $new ? push @new, $new : ($wrong = $@); last if $wrong }
    unless ($few) { my %on; for (@new) { my ($dir) = m{^(.*)/}s; $on{(stat "$dir/")[0]} //= $_ }
      if (%on && system "sync", "-f", "--", values %on) { unlink splice @new; $wrong = "what was written could not be synced\n" } }
    for (@all) { my ($index, $path) = @$_; halt(); step($index, sub { @new ? place(shift @new, $path) : die $wrong }) } }
' -- "$NONCE" "$STOP" 8>&- 9>&-; }
# after_many CODE: 123 is that the stage was asked to stop.
after_many() { case $1 in 0) ;; 123) halt ;; *) finish "$1" ;; esac; }

# handle STEP KEY: a handler. Where it fails, the sets that notify it are put back, and what they notify runs again.
handle() {
  halt
  perform "$1"; code=$CODE
  if [ "$code" = 0 ]; then
    rm -f -- "$PENDING/$2"; RAN="$RAN $1:$2"
    mark end "$1" 0
    return
  fi
  back=
  for each in $INSTALLED; do if notifies "${each%%:*}" "$2"; then put_back "$each"; back="$back ${each%%:*}"; fi; done
  if [ -n "$back" ]; then
    again=0 PUTTING_BACK=1
    for each in $RAN "$1:$2"; do
      for set in $back; do if notifies "$set" "${each#*:}"; then act "${each%%:*}" >/dev/null 2>&1; again=$((again | $?)); break; fi; done
    done
    [ "$again" != 0 ] || rm -f -- "$PENDING/$2"
    mark again "$1" "$again"
  fi
  mark end "$1" "$code"
  finish "$code"
}
# proven_login: for a step or handler that may close the way in. Waits until the controller has logged in over a new
# connection. Fails where it has not within 30 s: the caller then puts back what it changed.
proven_login() {
  [ -z "$PUTTING_BACK" ] || return 0
  rm -f -- "$DIR/proven" "$DIR/unproven"; mark prove "$STEP"
  perl -e 'for (1 .. 300) { exit 0 if -e "$ARGV[0]/proven"; exit 1 if -e "$ARGV[0]/unproven"; select undef, undef, undef, 0.1 } exit 1' -- "$DIR" && return
  echo "no new login came through" >&2
  return 1
}
act() { isolated "step_$1"; return "$CODE"; }
# notifies SET KEY
notifies() { eval "case \" \$KEYS_$1 \" in *' $2 '*) return 0 ;; esac; return 1"; }

# transaction SET ROOT KEY…: a copy of ROOT is changed and tested in ROOT's place, in a mount namespace that only
# this sees; then the two change names in one step. Hosts that forbid that: changed in place, tested, put back.
transaction() {
  set=$1 root=$2 beside=; shift 2; eval "KEYS_$set=\"\$*\""
  halt
  [ -d "$root" ] || refuse "$root: no such directory: declare what brings it before the set"
  root=$(realpath -- "$root"); beside=$(copy_of "$set" "$root")
  printf '%s\n' "$beside" >>"$LEFTOVERS" && sync -- "$LEFTOVERS" && rm -rf -- "$beside" && cp -a -- "$root" "$beside" ||
    refuse "$root: no copy of it can be made beside it"
  set_pending "$@"; newly=$NEWLY
  code=125
  if unshare -m true 2>/dev/null; then
    unshare -m --propagation private sh "$0" candidate "$set" "$beside" "$root"
    code=$?
    ! was_killed "$code" || end_orphans
  fi
  case $code in
  0) exchange "$beside" "$root" || { { rm -rf -- "$beside" && cp -a -- "$root" "$beside" || refuse "$root: no copy of it can be made beside it"; } && in_place 1; } ;;
  122 | 123 | 124) reject "$code" ;;
  *) in_place '' ;;
  esac
  KEPT="$KEPT $beside"; INSTALLED="$set:$root $INSTALLED"; mark installed "$set"
}
# The copy is what the root is put back from: another for each set, for two may share a root.
copy_of() { printf '%s/.capstan-%s-%s\n' "$(dirname -- "$2")" "$1" "$(basename -- "$2")"; }

# candidate SET COPY ROOT: the process in the mount namespace.
candidate() { mount --bind "$2" "$3" || exit 125; IN_SET=1; try "$1" copy; exit; }

# in_place QUIET: each step takes the place of a file in one rename, and all go back where one or the test fails.
in_place() {
  # Where even this process is killed, the next run puts the copy back.
  printf '%s\t%s\n' "$beside" "$root" >"$LEFTOVERS.place" && sync -- "$LEFTOVERS.place" || refuse "$LEFTOVERS.place can't be written"
  ( IN_SET=1 QUIET=$1; try "$set" place )
  code=$?
  [ "$code" = 0 ] || restore "$beside" "$root"
  rm -f -- "$LEFTOVERS.place"
  [ "$code" = 0 ] || reject "$code"
}

# try SET copy|place: makes its changes and tests the result, both where the caller has arranged it.
try() {
  "set_$1"
  ( set -e; "test_$1" ) 8>&- 9>&-
  code=$?
  [ -n "$QUIET" ] || mark tested "$1" "$code" "$2"
  [ "$code" = 0 ] || return 122
}

# reject 122|123|124: nothing of the set stays. After a test that failed, tells whether the files in place pass it.
reject() {
  for key in $newly; do rm -f -- "$PENDING/$key"; done
  if [ "$1" = 122 ]; then ( set -e; "test_$set" ) >/dev/null 2>&1 8>&- 9>&-; mark before "$set" $?; fi
  rm -rf -- "$beside"
  [ "$1" != 123 ] || { mark stopped; finish 0; }
  finish 1
}

# refuse WORDS: the set can't even be tried.
refuse() { printf '%s\n' "$1" >&2; [ -z "$beside" ] || rm -rf -- "$beside"; mark refused "$set"; finish 1; }

# put_back SET:ROOT
put_back() {
  root=${1#*:}; beside=$(copy_of "${1%%:*}" "$root")
  exchange "$beside" "$root" || restore "$beside" "$root"
  mark putback "${1%%:*}"
}

# exchange A B: renameat2(2) with RENAME_EXCHANGE, by number since coreutils has no word for it before 9.5.
exchange() { perl -e '
  my %number = (x86_64 => 316, aarch64 => 276, riscv64 => 276, i686 => 353, armv7l => 382, ppc64le => 357, s390x => 347);
  my ($machine, $a, $b) = @ARGV; my $call = $number{$machine} or exit 1; system "sync", "-f", $a;
  exit(syscall($call, -100, $a, -100, $b, 2) == 0 ? 0 : 1)
' -- "$(uname -m)" "$1" "$2"; }
