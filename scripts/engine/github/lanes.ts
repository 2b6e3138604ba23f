/** Where lines and groups end up: the runner's log. */
export interface Log {
  lines(lines: readonly string[]): void
  open(title: string): void
  close(): void
}

/** Hosts that work at the same time, printed as groups of the runner, which can neither nest nor interleave. */
export interface Lanes {
  /** Lines of a host beside any group; its open group ends before them. */
  tell(host: string, lines: readonly string[]): void
  /** Lines of a host in a group of this title, which is the open one or begins here. */
  within(host: string, title: string, lines: readonly string[]): void
  /** Ends the group that a host has open. */
  close(host: string): void
  /** Ends all groups and tells what was held back. */
  closeAll(): void
}

/**
 * Events of the host whose group is open are printed as they happen; those of others are held back until that group
 * ends. So with one host nothing ever waits, and with many each group is whole.
 */
export function openLanes(log: Log): Lanes {
  const lanes = new Map<string, Lane>()
  let live: string | undefined

  function laneOf(host: string): Lane {
    const found = lanes.get(host)
    if (found) return found
    const lane: Lane = { held: [], open: undefined }
    lanes.set(host, lane)
    return lane
  }

  function put(host: string, act: Act): void {
    if (live !== undefined && live !== host) {
      laneOf(host).held.push(act)
      return
    }
    run(host, act)
    release()
  }

  function run(host: string, act: Act): void {
    if (act.act === 'lines') log.lines(act.lines)
    else if (act.act === 'open') {
      log.open(act.title)
      live = host
    } else {
      log.close()
      live = undefined
    }
  }

  function release(): void {
    for (const [host, lane] of lanes) {
      if (live !== undefined) return
      for (const act of lane.held.splice(0)) run(host, act)
    }
  }

  function close(host: string): void {
    const lane = laneOf(host)
    if (lane.open === undefined) return
    lane.open = undefined
    put(host, { act: 'close' })
  }

  return {
    tell(host, lines) {
      if (lines.length === 0) return
      close(host)
      put(host, { act: 'lines', lines })
    },
    within(host, title, lines) {
      if (lines.length === 0) return
      const lane = laneOf(host)
      if (lane.open !== title) {
        close(host)
        lane.open = title
        put(host, { act: 'open', title })
      }
      put(host, { act: 'lines', lines })
    },
    close,
    closeAll() {
      if (live !== undefined) close(live)
      for (const host of lanes.keys()) close(host)
      release()
    },
  }
}

interface Lane {
  readonly held: Act[]
  /** The title of the group that is open for it, on the log or in what is held back. */
  open: string | undefined
}

type Act =
  | { readonly act: 'lines'; readonly lines: readonly string[] }
  | { readonly act: 'open'; readonly title: string }
  | { readonly act: 'close' }
