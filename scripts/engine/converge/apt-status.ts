/** How far apt is: `{doing: 'Unpacking nginx (amd64)', percent: 42.1}`. */
export interface AptStatus {
  readonly doing: string
  readonly percent: number
}

export interface AptStatusReader {
  /** Gives the text without the status lines in it; each of them goes to `on`. */
  read(text: string): string
  /** What was held back as the beginning of a status line, for the end. */
  rest(): string
}

/**
 * Takes the lines that apt writes to APT::Status-Fd out of a text that comes in pieces of any size.
 * Source: apt's README.progress-reporting: `dlstatus:ITEM:PERCENT:TEXT` while it downloads, `pmstatus:PACKAGE:PERCENT:TEXT`
 * while dpkg installs.
 */
export function aptStatusReader(on: (status: AptStatus) => void): AptStatusReader {
  let held = ''
  let atStart = true

  function read(text: string): string {
    const lines = (held + text).split(/(?<=\n)/)
    held = ''
    let kept = ''
    for (const line of lines) {
      if (line === '') continue
      const status = atStart ? parse(line) : undefined
      // A stage's log is handed on without the newline that may begin a mark: the status is not to wait for it.
      if (status) on(status)
      if (atStart && mayBecome(line)) held = line
      else if (!status) kept += line
      if (held === '') atStart = line.endsWith('\n')
    }
    return kept
  }

  function rest(): string {
    const left = parse(held) ? '' : held
    held = ''
    atStart = true
    return left
  }

  return { read, rest }
}

function parse(line: string): AptStatus | undefined {
  const [, percent, doing] = /^(?:dl|pm)status:[^\n]*?:(\d+(?:\.\d+)?):(.+)\n?$/.exec(line) ?? []
  return percent === undefined || doing === undefined ? undefined : { doing, percent: Number(percent) }
}

/** Whether a line without its end can become a status line. */
function mayBecome(line: string): boolean {
  if (line === '' || line.endsWith('\n')) return false
  return starts.some(start => start.startsWith(line) || (line.startsWith(start) && line.length < longest))
}

const starts = ['dlstatus:', 'pmstatus:']
const longest = 1000
