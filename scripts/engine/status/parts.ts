import { HostError } from '#engine/errors.ts'
import { quote } from '#engine/quote.ts'

/** What one part of a script printed. */
export interface PartOutput {
  readonly stdout: Buffer
  /** The last line of its stderr; empty: there was none. */
  readonly lastError: string
}

/**
 * Shell that runs all parts at the same time, each as a process of its own that has `limit` seconds, and prints what each
 * printed, in their order.
 */
export function partsScript(parts: readonly string[], limit = 20): string {
  const started = parts.map((part, index) => `part "$dir/${index}" ${quote(part)} &\n`)
  return `dir=$(mktemp -d /run/capstan-status.XXXXXX) || exit
trap 'rm -rf -- "$dir"' EXIT
# A shell that a signal ends runs no trap of its exit.
trap 'exit 129' HUP INT TERM
# What was printed before a part was killed says nothing of the rest.
part() {
  timeout -k 1 ${limit} sh -c "$2" >"$1" 2>"$1.err" </dev/null
  case $? in
    124) : >"$1"; echo 'did not finish within ${limit} s' >>"$1.err" ;;
    137) : >"$1"; echo 'killed, or did not finish within ${limit} s' >>"$1.err" ;;
  esac
}
${started.join('')}wait
part=0
while [ "$part" -lt ${parts.length} ]; do
  tail -n 1 "$dir/$part.err" >"$dir/$part.last"
  printf '%s\\0' "$(wc -c <"$dir/$part")"; cat "$dir/$part"
  printf '%s\\0' "$(wc -c <"$dir/$part.last")"; cat "$dir/$part.last"
  part=$((part + 1))
done
`
}

/** What `partsScript` printed. Throws HostError where it ended early, with its stderr. */
export function readParts(host: string, output: Buffer, count: number, stderr = ''): readonly PartOutput[] {
  let at = 0
  const next = (): Buffer => {
    const end = output.indexOf(0, at)
    const length = end < 0 ? Number.NaN : Number(output.toString('latin1', at, end))
    const from = end + 1
    at = from + length
    if (!(at <= output.length))
      throw new HostError('no-status', `${host}: the checks ended early`, {
        lines: stderr.split('\n').filter(Boolean).slice(-3),
      })
    return output.subarray(from, at)
  }
  return Array.from({ length: count }, () => ({ stdout: next(), lastError: next().toString().trim() }))
}
