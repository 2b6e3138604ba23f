# shellcheck shell=dash
# What every stage runs on; stage-script.ts sets NONCE, STOP, SESSION, DIR, RUN and BY before it. A stage tells what it does by marks:
# an empty line, then one that begins with NONCE, which marks.ts reads.

# A stage that can't tell what it does any more does nothing more.
mark() { printf '\n%s %s\n' "$NONCE" "$*" || exit 74; }
# note TEXT: a few words about the step that runs.
note() { mark note "$STEP" "$*"; }
# What a stage does last; one that has more to do defines it again.
at_end() { :; }
finish() { at_end; rm -f -- "$SESSION" "$0"; mark done "$1"; exit "$1"; }
# perform N: runs step_N in a subshell that stops at the first command that fails; its exit code is in CODE. No step gets the
# locks: a daemon that it starts would hold them for good. Never called where errexit is off.
perform() { STEP=$1; mark begin "$1"; ( set -e; "step_$1" ) 8>&- 9>&-; CODE=$?; }
