/**
 * A script that kills all that runs in the session of the shell `pid`, but that shell and what started it, so
 * that the shell goes on with the next script; with `shell` that shell too. TERM first, KILL after two seconds.
 * Exits with 0 once all of it is gone. What a script moved to a session of its own is not reached, on purpose.
 */
export function killScript(pid: number, shell: boolean): string {
  return `
${findSession(pid, shell)}
for try in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29; do
  left=$(session)
  [ -z "$left" ] && exit 0
  signal=TERM
  [ "$try" -ge 20 ] && signal=KILL
  case $try in 0 | 20 | 21 | 22 | 25) kill -s $signal $left 2>/dev/null ;; esac
  sleep 0.1
done
exit 1
`
}

/** A script that sends one signal (`SIGTERM`) to all that runs in the session of the shell `pid`, that shell included. */
export function signalScript(pid: number, signal: NodeJS.Signals): string {
  return `
${findSession(pid, true)}
left=$(session)
# Some of them may have ended meanwhile.
[ -z "$left" ] || kill -s ${signal.replace(/^SIG/, '')} $left 2>/dev/null
exit 0
`
}

/**
 * Shell that defines `session`, which prints the processes to be killed, and exits where there is none.
 * Source: proc_pid_stat(5); the fields after the last `)` are state, ppid, pgrp, session.
 */
function findSession(pid: number, shell: boolean): string {
  return `
field() { # PID N: the Nth field after the name
  read -r line <"/proc/$1/stat" || return 1
  n=$2
  set -- \${line##*)}
  eval "value=\\$$n"
}
session() { # every process in it that is not spared
  for stat in /proc/[0-9]*/stat; do
    p=\${stat#/proc/}
    p=\${p%/stat}
    case " $spared " in *" $p "*) continue ;; esac
    field "$p" 4 && [ "$value" = "$sid" ] || continue
    field "$p" 1 && [ "$value" != Z ] && printf ' %s' "$p"
  done
} 2>/dev/null
field ${pid} 4 2>/dev/null || exit 0
sid=$value
spared=$$
p=${pid}
while [ "$p" -gt 1 ]; do
  [ "$p" = ${pid} ] && [ ${shell ? 1 : 0} = 1 ] || spared="$spared $p"
  field "$p" 2 || break
  p=$value
done
`
}
