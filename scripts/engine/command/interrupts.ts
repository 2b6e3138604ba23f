import type { Emit } from '#engine/output/events.ts'

export interface Interrupts {
  /** Aborted by the first SIGINT or SIGTERM: end at the next step. */
  readonly stop: AbortSignal
  /** The exit code of a run that was interrupted: 130 or 143; undefined where it wasn't. */
  readonly exitCode: () => number | undefined
  /** Lets signals kill again. */
  release(): void
}

/**
 * From now on a first signal asks for a stop between two steps, and a second one leaves at once by `leave`: what
 * a host is at then goes on there to the end of its step.
 */
export function handleInterrupts(emit: Emit, leave: () => void): Interrupts {
  const controller = new AbortController()
  let exitCode: number | undefined
  const onSignal = (signal: NodeJS.Signals) => {
    if (exitCode !== undefined) {
      leave()
      process.exit(exitCode)
    }
    exitCode = codes[signal] ?? 1
    emit({
      event: 'warning',
      message: 'stopping: each host finishes its current step',
      hint: 'Press ^C again to exit at once; the hosts then finish their step on their own.',
    })
    controller.abort()
  }
  for (const signal of signals) process.on(signal, onSignal)
  return {
    stop: controller.signal,
    exitCode: () => exitCode,
    release: () => {
      for (const signal of signals) process.off(signal, onSignal)
    },
  }
}

const signals = ['SIGINT', 'SIGTERM'] as const
// Source: sysexits of a shell, 128 and the signal's number.
const codes: Partial<Record<NodeJS.Signals, number>> = { SIGINT: 130, SIGTERM: 143 }
