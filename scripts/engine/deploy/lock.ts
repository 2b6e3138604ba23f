import type { Connection, HostStream } from '#engine/connection/connection.ts'
import { quote } from '#engine/quote.ts'
import type { Deployer } from './settings.ts'

const directory = '/run/capstan'

/** Who holds an app's lock, as a file that only root reads: `RUN WHO since WHEN, URL`. */
export function holderFile(app: string): string {
  return `${directory}/deploy-${app}.holder`
}

/**
 * Shell that takes an app's lock on descriptor 9 of the session's own shell, waiting for it so many seconds. It is
 * held as long as that shell or a stage that it started lives, and freed by the kernel with the last of them.
 * Gives 75, and the holder's line on stderr, where another has it.
 */
export function lockScript(app: string, { who, url, runId }: Deployer, seconds: number): string {
  const lock = quote(`${directory}/deploy-${app}.lock`)
  const holder = quote(holderFile(app))
  return [
    `{ [ -d ${directory} ] || mkdir -p -m 700 ${directory}; } && exec 9>>${lock} || exit 73\n`,
    `if ! flock -w ${seconds} 9; then cat ${holder} >&2; exec 9>&-; (exit 75)\n`,
    `else printf '%s since %s%s\n' ${quote(`${runId} ${who}`)} "$(date -u +%FT%TZ)" ${quote(url === undefined ? '' : `, ${url}`)} >${holder}; fi
`,
  ].join('')
}

/** `alice@laptop since 2026-11-22T20:45:01Z` from a holder's line; as it is where it is no such line. */
export function holderIn(line: string): string {
  return line.trim().replace(/^\S+ /, '') || 'a run that did not say who it is'
}

// Seconds between two signs of life, and without one until the host takes the controller for lost.
const beat = 4
const patience = 16

/**
 * Keeps the lock's holder alive only as long as this process shows signs of life: when packets are dropped and no
 * end is ever seen, the host ends the session's shell, and with it the lock, after 16 s of silence.
 */
export async function holdLease(connection: Connection, shell: number): Promise<{ close(): void }> {
  const script = `exec perl -e ${quote(watch)} -- ${shell} ${patience}`
  const stream: HostStream = await connection.openStream(script, { deadline: Number.POSITIVE_INFINITY })
  stream.stdin.on('error', () => {})
  stream.stdout.resume()
  const timer = setInterval(() => stream.stdin.write('.'), beat * 1000)
  timer.unref()
  return {
    close() {
      clearInterval(timer)
      stream.close()
    },
  }
}

const watch = `
  my ($shell, $patience) = @ARGV; my $in = ""; vec($in, 0, 1) = 1;
  for (;;) { my $n = select my $ready = $in, undef, undef, $patience;
    if ($n == 0) { kill KILL => $shell; exit } exit unless sysread STDIN, my $bytes, 64 }
`
