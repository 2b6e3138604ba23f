import type { Connection } from '#engine/connection/connection.ts'
import { ConnectionLost, HostError } from '#engine/errors.ts'
import { quote } from '#engine/quote.ts'
import { hereInBase64 } from '#engine/resources/shell.ts'
import { stateDirectory } from './facts.ts'

/** Where a run keeps its script, its log and what it is told, on the host. */
export function runDirectory(id: string): string {
  return `${stateDirectory}/runs/${id}`
}

/** The file whose presence ends a stage before its next step. */
export function stopFile(id: string): string {
  return `${runDirectory(id)}/stop`
}

export interface DetachedRun {
  readonly id: string
  readonly script: string
  readonly onOutput: (chunk: Buffer) => void
  /** Once aborted, the script is told so by its stop file. */
  readonly stop: AbortSignal
  /** Another connection, after one was lost; it holds the host's lock unless the script has begun. */
  readonly reconnect: () => Promise<Connection>
}

/**
 * Runs a script on the host in a session of its own, from a file only root can read, its output in a log beside
 * it; follows the log, and goes on following over a new connection when the old one breaks. Resolves when the
 * script has ended, however it did: the log's own marks say how. One trip. Throws HostError where it could not
 * be begun.
 */
export async function runDetached(connection: Connection, run: DetachedRun): Promise<void> {
  let seen = 0
  const onOutput = (chunk: Buffer) => {
    seen += chunk.length
    run.onOutput(chunk)
  }
  let current = connection
  const tellStop = () => void stopAt(current, run.id)
  run.stop.addEventListener('abort', tellStop)
  try {
    for (;;) {
      try {
        const script = launchAndFollow(run, seen)
        const { exitCode, stderr } = await current.run(script, { deadline: longest, onOutput })
        if (exitCode === 0) return
        throw notFollowed(current.host, run.id, exitCode, stderr.toString())
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error
        current = await run.reconnect()
        if (run.stop.aborted) tellStop()
      }
    }
  } finally {
    run.stop.removeEventListener('abort', tellStop)
  }
}

// A package's installation can take its time; a host that went away is noticed by keep-alive, not by this.
const longest = 6 * 3600
const notBegun = 74

function launchAndFollow({ id, script }: DetachedRun, from: number): string {
  const words = [stateDirectory, runDirectory(id), from, Buffer.byteLength(script)]
  return hereInBase64(
    `exec perl -e ${quote(follower)} -- ${words.map(word => quote(String(word))).join(' ')}`,
    script,
  )
}

// Launches the script that comes in base64, where it was not launched before the connection broke, and prints its log
// as it grows, from a byte on, until the process that writes it is gone (its number may be another's after a reboot),
// or its own session is. On a busy host it is there before that process is the script's own, and sees it in the middle
// of exec(2): alive, and without a command line. The lock (9) is the session's and the script's, never the follower's.
const follower = String.raw`
  my ($state, $dir, $from, $length) = @ARGV; $| = 1; -e "$dir/log" or launch(); close STDIN;
  my $lock; open $lock, ">>&=", 9 and close $lock;
  open my $p, "<", "$dir/pid" or die "$dir/pid: $!\n"; my $pid = int <$p>;
  open my $log, "<", "$dir/log" or die "$dir/log: $!\n"; binmode $log; binmode STDOUT; seek $log, $from, 0;
  my $parent = getppid; my $until = time + 30; select undef, undef, undef, 0.01 until alive() || -s $log || time > $until;
  for (;;) { my $alive = getppid == $parent && alive(); my $any = 0;
    while (my $n = sysread $log, my $bytes, 65536) { print $bytes; $any = 1 }
    last unless $alive; select undef, undef, undef, 0.02 unless $any }

  sub alive { open my $f, "<", "/proc/$pid/cmdline" or return 0; my $words = <$f> // "";
    return -1 != index $words, "$dir/script" if $words ne "";
    open $f, "<", "/proc/$pid/stat" or return 0; (<$f> // "Z") !~ /\) [ZX]/ }
  # A child that ends at once starts it: init inherits and reaps it, and what ends the follower does not end it. It
  # begins once its pid is written down.
  sub launch { umask 077; for ($state, "$state/runs", "$state/owed") { mkdir $_ or -d $_ or refuse("$_: $!") }
    opendir my $all, "$state/runs" or refuse("$state/runs: $!"); my @old = sort grep { !/^\.\.?$/ } readdir $all;
    splice @old, @old > 10 ? -10 : 0; system "rm", "-rf", "--", map { "$state/runs/$_" } @old if @old;
    my $script = join "", map { chomp; tr{A-Za-z0-9+/=}{ -_}d; unpack "u", chr(32 + length() * 3 / 4) . $_ } <STDIN>;
    length $script == $length or refuse("$length bytes were to come, " . length($script) . " did");
    mkdir $dir or -d $dir or refuse("$dir: $!"); my $file = "$dir/script"; open my $out, ">", $file or refuse("$file: $!"); binmode $out;
    print {$out} $script and close $out or do { my $why = $!; unlink $file; refuse("$file: $why") };
    open my $log, ">", "$dir/log" or refuse("$dir/log: $!"); pipe my $go, my $told or refuse("pipe: $!");
    my $starter = fork // refuse("fork: $!"); if ($starter) { waitpid $starter, 0; return $? && refuse("$dir/pid can't be written") }
    my $own = fork // exit 1; if ($own) { open my $p, ">", "$dir/pid" or exit 1; print {$p} "$own\n" and close $p or exit 1; exit(syswrite($told, "\n") ? 0 : 1) }
    close $told; sysread $go, my $word, 1 or exit 1; open STDIN, "<", "/dev/null"; open STDOUT, ">&", $log; open STDERR, ">&", $log; umask 022; exec "setsid", "sh", $file; exit 127 }
  sub refuse { print STDERR "$_[0]\n"; exit ${notBegun} }
`

function notFollowed(host: string, id: string, exitCode: number, said: string): HostError {
  const lines = said.trimEnd().split('\n').slice(-6)
  if (exitCode === notBegun)
    return new HostError('not-begun', `${host}: the run can’t be written to ${runDirectory(id)}`, {
      lines,
      hint: 'Nothing was begun. See with `df` whether the disk is full, make room and run again.',
    })
  return new HostError('stage-lost', `${host}: the run’s log in ${runDirectory(id)} can’t be followed`, {
    lines,
    hint: 'Whether all steps ran is unknown; run again: it begins by looking.',
  })
}

// Best effort: where it doesn't arrive, the stage goes on to its end, which is no harm.
async function stopAt(connection: Connection, id: string): Promise<void> {
  try {
    const stream = await connection.openStream(`true >${quote(stopFile(id))}`, { deadline: 20 })
    stream.stdin.end()
    stream.stdout.resume()
    await stream.done
  } catch {}
}
