const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Calls `erase` before the process ends, by `process.exit`, an uncaught error or a signal, and before it is
 * stopped by ^Z. A signal that nobody else handles still kills, as it would without us; where the run handles
 * it, the run goes on. `erase` is told the signal. Gives what takes the listeners off again.
 */
export function atEnd(erase: (signal?: NodeJS.Signals) => void): () => void {
  function onSignal(signal: NodeJS.Signals): void {
    erase(signal)
    if (process.listenerCount(signal) > 1) return
    forget()
    process.kill(process.pid, signal)
  }

  function onExit(): void {
    erase()
  }

  function onStop(): void {
    erase()
    process.kill(process.pid, 'SIGSTOP')
  }

  function forget(): void {
    process.off('exit', onExit)
    process.off('SIGTSTP', onStop)
    for (const signal of signals) process.off(signal, onSignal)
  }

  process.on('exit', onExit)
  process.on('SIGTSTP', onStop)
  for (const signal of signals) process.on(signal, onSignal)
  return forget
}
