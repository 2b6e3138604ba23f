const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Calls `erase` before the process ends, by `process.exit`, an uncaught error or a signal, and before it is
 * stopped by ^Z. A signal that nobody else handles still kills, as it would without us; where the run handles
 * it, the run goes on. Gives what takes the listeners off again.
 */
export function atEnd(erase: () => void): () => void {
  function onSignal(signal: NodeJS.Signals): void {
    erase()
    if (process.listenerCount(signal) > 1) return
    forget()
    process.kill(process.pid, signal)
  }

  function onStop(): void {
    erase()
    process.kill(process.pid, 'SIGSTOP')
  }

  function forget(): void {
    process.off('exit', erase)
    process.off('SIGTSTP', onStop)
    for (const signal of signals) process.off(signal, onSignal)
  }

  process.on('exit', erase)
  process.on('SIGTSTP', onStop)
  for (const signal of signals) process.on(signal, onSignal)
  return forget
}
