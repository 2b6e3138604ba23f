# shellcheck shell=dash
# What every stage runs on; stage-script.ts sets NONCE, STOP, SESSION, DIR, RUN, BY, ORPHANS and END_ORPHANS before it. A stage tells
# what it does by marks: an empty line, then one that begins with NONCE, which marks.ts reads.

# A stage that can't tell what it does any more does nothing more.
mark() { printf '\n%s %s\n' "$NONCE" "$*" || exit 74; }
# note TEXT: a few words about the step that runs.
note() { mark note "$STEP" "$*"; }
# What a stage does last; one that has more to do defines it again.
at_end() { :; }
finish() { at_end; rm -f -- "$SESSION" "$0"; mark done "$1"; exit "$1"; }
# perform N: runs step_N in a subshell that stops at the first command that fails; its exit code is in CODE. No step gets the
# locks: a daemon that it starts would hold them for good. Never called where errexit is off.
perform() { STEP=$1; mark begin "$1"; isolated "step_$1"; }
# isolated COMMAND…: in such a subshell. One that a signal ended may have left processes at work, which end first. What a command
# started that failed by itself keeps running.
isolated() {
  ( set -e; "$@" ) 8>&- 9>&-; CODE=$?
  ! was_killed "$CODE" || end_orphans
}
# was_killed CODE: by a signal. 192 is the highest code of one; 255 is an error of perl or ssh.
was_killed() { [ "$1" -gt 128 ] && [ "$1" -le 192 ]; }
end_orphans() { perl -e "$END_ORPHANS" -- "$ORPHANS" 8>&- 9>&-; }
