import { readFileSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { HostError } from '#engine/errors.ts'
import { quote, quoteAll } from '#engine/quote.ts'
import { stateDirectory } from './facts.ts'
import { restoreShell, sessionFile } from './stage.ts'

const directory = '/run/capstan'
const leftovers = `${stateDirectory}/leftovers`

/**
 * Shell that takes the host's lock on descriptor 9 of the session's own shell, so that it is held as long as the
 * session or a stage that it started lives, and freed by the kernel with the last of them. Ends with 75 and on
 * stderr who has it, when another run has it or a step of an earlier one still goes on, and with 73 where no lock
 * can be taken. Clears what a run that was killed left behind.
 */
export function lockScript(runId: string, waitSeconds: number): string {
  const holder = `${userInfo().username}@${hostname()} (run ${runId})`
  const words = [directory, stateDirectory, sessionFile, String(waitSeconds), holder]
  return `
if { [ -d ${directory} ] || mkdir -p -m 700 ${directory}; } && true >>${directory}/lock; then
  exec 9>>${directory}/lock
  if perl -e ${quote(taker)} -- $$ ${quoteAll(words)}; then
    if [ -s ${leftovers}.place ]; then (
      ${restoreShell()}
      IFS='	' read -r copy root <${leftovers}.place; [ -d "$copy" ] && restore "$copy" "$root"; rm -f ${leftovers}.place
    ); fi
    if [ -s ${leftovers} ]; then
      while IFS= read -r old; do rm -rf -- "$old"; done <${leftovers}
      rm -f ${leftovers}
    fi
  else capstan_=$?; exec 9>&-; (exit $capstan_); fi
else (exit 73); fi
`
}

/**
 * Shell that takes the lock again for a run that lost its connection, and so the session that held it: what is
 * left of that session on the host is ended, so that only another run can be in the way.
 */
export function retakeScript(runId: string, waitSeconds: number): string {
  const own = quote(`(run ${runId})`)
  return `
if { read -r line && read -r pid; } 2>/dev/null <${directory}/holder; then
  case $line in *${own}*) [ "/proc/$pid/fd/9" -ef ${directory}/lock ] && [ "$pid" != $$ ] && kill -9 "$pid" ;; esac
fi
${lockScript(runId, waitSeconds)}`
}

const taker = readFileSync(new URL('lock.pl', import.meta.url), 'utf8')

/** The error of a lock script that ended with `exitCode` and `said`. */
export function locked(host: string, exitCode: number, said: string): HostError {
  if (exitCode === 75)
    return new HostError('locked', `${host}: locked by ${said}`, {
      hint: 'The lock frees itself when that ends, however it ends; then run again.',
    })
  return new HostError('lock', `${host}: the lock in ${directory} can’t be taken`, {
    lines: said.split('\n').filter(Boolean),
    hint: 'Is the host’s /run writable for root?',
  })
}

/** Seconds that a run waits for another one's lock. */
export const patience = 30
