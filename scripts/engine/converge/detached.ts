import type { Connection } from '#engine/connection/connection.ts'
import { ConnectionLost, HostError } from '#engine/errors.ts'
import { quote } from '#engine/quote.ts'
import { here } from '#engine/resources/shell.ts'
import { stateDirectory } from './facts.ts'

/**
 * Runs a script on the host in a session of its own, from a file only root can read, its output in a log beside
 * it; follows the log, and goes on following over a new connection when the old one breaks. Resolves when the
 * script has ended, however it did: the log's own marks say how. One trip.
 */
export async function runDetached(
  connection: Connection,
  reconnect: () => Promise<Connection>,
  run: { readonly id: string; readonly script: string; readonly onOutput: (chunk: Buffer) => void },
): Promise<void> {
  const directory = `${stateDirectory}/runs/${run.id}`
  let seen = 0
  const onOutput = (chunk: Buffer) => {
    seen += chunk.length
    run.onOutput(chunk)
  }
  let current = connection
  for (;;) {
    try {
      const script = launch(directory, run.script) + follow(directory, seen)
      const { exitCode, stderr } = await current.run(script, { deadline: longest, onOutput })
      if (exitCode === 0) return
      throw new HostError('stage-lost', `${current.host}: the run’s log in ${directory} can’t be followed`, {
        lines: stderr.toString().trimEnd().split('\n'),
        hint: 'Whether all steps ran is unknown; run again: it begins by looking.',
      })
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error
      current = await reconnect()
    }
  }
}

// A package's installation can take its time; a host that went away is noticed by keep-alive, not by this.
const longest = 6 * 3600

function launch(directory: string, script: string): string {
  const at = quote(directory)
  return [
    // A host that has the log already was launched before the connection broke: it is only followed.
    `if ! [ -e ${at}/log ]; then\n`,
    `umask 077; mkdir -p ${stateDirectory}/runs ${stateDirectory}/owed ${at} || exit\n`,
    `( cd ${stateDirectory}/runs && ls -1 | head -n -10 | xargs -r rm -rf -- )\n`,
    here(`cat >${at}/script`, script),
    '[ -s DIR/script ] || exit\n'.replace('DIR', at),
    // From a subshell that ends, so that init inherits and reaps it: a dead child of the follower looks alive.
    // The log is opened before the script is started: the follower must find it.
    `umask 022; ( exec >${at}/log 2>&1 </dev/null; setsid sh ${at}/script & echo $! >${at}/pid )\nfi\n`,
  ].join('')
}

function follow(directory: string, from: number): string {
  // The lock (9) is the session's and the stage's to hold, never the follower's.
  return `exec perl -e ${quote(follower)} -- ${quote(directory)} ${from} 9>&-\n`
}

// Prints the log as it grows, from a byte on, until the process that writes it is gone, or its own session is.
const follower = String.raw`
  my ($dir, $from) = @ARGV; $| = 1; open my $p, "<", "$dir/pid" or die "$dir/pid: $!\n"; my $pid = int <$p>;
  open my $log, "<", "$dir/log" or die "$dir/log: $!\n"; binmode $log; binmode STDOUT; seek $log, $from, 0;
  for (;;) { my $alive = getppid != 1 && kill 0, $pid; my $any = 0;
    while (my $n = sysread $log, my $bytes, 65536) { print $bytes; $any = 1 }
    last unless $alive; select undef, undef, undef, 0.02 unless $any }
`
