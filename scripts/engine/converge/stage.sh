# shellcheck shell=dash disable=SC2086
# What every stage's script runs on; stage.ts says what it prints.

mark() { printf '\n%s %s\n' "$NONCE" "$*"; }
finish() { for old in $KEPT; do rm -rf -- "$old"; done; rm -f -- "$LEFTOVERS" "$0"; mark done "$1"; exit "$1"; }
owe() { for key; do : >"$OWED/$key"; done; sync -- "$OWED"; }
KEPT= INSTALLED= CANDIDATE= QUIET=

# run STEP: in a subshell of its own that stops at the first command that fails. Never called where errexit is off.
run() {
  [ -n "$QUIET" ] || mark begin "$1"
  ( set -e; "step_$1" )
  code=$?
  [ -n "$QUIET" ] || mark end "$1" "$code"
  [ "$code" = 0 ] && return
  [ -n "$CANDIDATE" ] && exit 124
  finish "$code"
}

# handle STEP KEY: a handler; where it fails, the sets that were installed are put back and it runs again with them.
handle() {
  mark begin "$1"
  ( set -e; "step_$1" )
  code=$?
  if [ "$code" != 0 ] && [ -n "$INSTALLED" ]; then
    for each in $INSTALLED; do put_back "$each"; done
    ( set -e; "step_$1" ) >/dev/null 2>&1
    rm -f -- "$OWED/$2"
  fi
  mark end "$1" "$code"
  [ "$code" = 0 ] || finish "$code"
  rm -f -- "$OWED/$2"
}

# try SET: makes its changes and tests the result, both where the caller has arranged it.
try() {
  "set_$1"
  ( set -e; "test_$1" )
  code=$?
  mark tested "$1" "$code"
  return "$code"
}

# transaction SET ROOT KEY…: a copy of ROOT is changed and tested in ROOT's place, in a mount namespace that only
# this sees; then the two change names in one step. Hosts that forbid that: changed in place, tested, put back.
transaction() {
  set=$1 root=$2; shift 2
  beside="$(dirname -- "$root")/.capstan-$(basename -- "$root")"
  printf '%s\n' "$beside" >>"$LEFTOVERS"; sync -- "$LEFTOVERS"
  rm -rf -- "$beside"
  cp -a -- "$root" "$beside" || finish 1
  owe "$@"
  if unshare -m true 2>/dev/null; then
    unshare -m --propagation private sh "$0" candidate "$set" "$beside" "$root"
    code=$?
    [ "$code" = 0 ] || reject "$code" "$@"
    if exchange "$beside" "$root"; then KEPT="$KEPT $beside"; INSTALLED="$INSTALLED $set:$root"; mark installed "$set"; return; fi
    rm -rf -- "$beside"; cp -a -- "$root" "$beside" || finish 1
    QUIET=1; "set_$set"; QUIET=
  else
    try "$set"
    code=$?
    [ "$code" = 0 ] || { restore "$beside" "$root"; reject "$code" "$@"; }
  fi
  KEPT="$KEPT $beside"; INSTALLED="$INSTALLED $set:$root"; mark installed "$set"
}

# reject CODE KEY…: the candidate did not pass. Tells whether the files that are in place pass.
reject() {
  code=$1; shift
  for key; do rm -f -- "$OWED/$key"; done
  [ "$code" = 124 ] || { ( set -e; "test_$set" ) >/dev/null 2>&1; mark before "$set" $?; }
  rm -rf -- "$beside"
  finish 1
}

# put_back SET:ROOT
put_back() {
  root=${1#*:}; beside="$(dirname -- "$root")/.capstan-$(basename -- "$root")"
  exchange "$beside" "$root" || restore "$beside" "$root"
  mark putback "${1%%:*}"
}

# restore COPY ROOT: file by file, where the two can't change places.
restore() {
  ( cd "$1" && find . -type d -exec mkdir -p -- "$2/{}" \; && find . ! -type d -exec cp -a --remove-destination -- {} "$2/{}" \; )
  ( cd "$2" && find . ! -type d ) | while IFS= read -r each; do [ -e "$1/$each" ] || [ -L "$1/$each" ] || rm -f -- "$2/$each"; done
}

# exchange A B: renameat2(2) with RENAME_EXCHANGE, by number since coreutils has no word for it before 9.5.
exchange() { perl -e '
  use POSIX (); my %number = (x86_64 => 316, aarch64 => 276, riscv64 => 276, i686 => 353, armv7l => 382, ppc64le => 357, s390x => 347);
  my $call = $number{(POSIX::uname())[4]} or exit 1; my ($a, $b) = @ARGV; system "sync", "-f", $a;
  exit(syscall($call, -100, $a, -100, $b, 2) == 0 ? 0 : 1)
' -- "$1" "$2"; }
