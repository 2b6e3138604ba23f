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

// Takes the lock on descriptor 9, which stays locked as long as the shell has it open. 6 is LOCK_EX|LOCK_NB of flock(2), 11 EAGAIN.
// A stage was killed and a step of it was not: no other run may begin beside it. A daemon has its own session.
const taker = String.raw`
  my ($shell, $dir, $state, $stage, $wait, $holder) = @ARGV; open my $lock, ">>&=", 9 or die "$dir/lock: $!\n";
  for (my $try = 0; !flock $lock, 6; $try++) {
    if ($! != 11) { print STDERR "$dir/lock: $!\n"; exit 73 }
    if ($try >= 10 * $wait) { open my $h, "<", "$dir/holder"; my $who = $h && <$h> // "somebody\n"; print STDERR "the run of $who"; exit 75 }
    select undef, undef, undef, 0.1 }
  my $sid = 0; if (open my $f, "<", $stage) { $sid = int(<$f> // 0) }
  if ($sid) {
    for (my $try = 0; ; $try++) { my @left; opendir my $all, "/proc";
      for my $pid (grep { /^\d+$/ } readdir $all) { open my $s, "<", "/proc/$pid/stat" or next; my $line = <$s> // next;
        my @f = split " ", substr $line, 2 + rindex $line, ")"; push @left, $pid if $f[3] == $sid && $f[0] ne "Z" }
      unless (@left) { unlink $stage; last }
      if ($try >= 10 * $wait) { print STDERR "a step of an earlier run that goes on: process @left\n"; exit 75 }
      select undef, undef, undef, 0.1 } }
  my ($s, $i, $h, $d, $m, $y) = gmtime; open my $file, ">", "$dir/holder" or die "$dir/holder: $!\n";
  printf {$file} "%s since %04d-%02d-%02dT%02d:%02d:%02dZ\n%d\n", $holder, $y + 1900, $m + 1, $d, $h, $i, $s, $shell;
  opendir my $runs, "$state/runs" or exit 0; unlink map { "$state/runs/$_/script" } readdir $runs;
`

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
