const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Calls `erase` before the process ends, by `process.exit`, an uncaught error or a signal. A signal that nobody
 * else handles still kills, as it would without us; where the run handles it, the run goes on. `resumed` is
 * called when a stopped process goes on (`fg`). Gives what takes the listeners off again.
 */
export function atEnd({ erase, resumed }: { erase(): void; resumed(): void }): () => void {
  function onSignal(signal: NodeJS.Signals): void {
    erase()
    if (process.listenerCount(signal) > 1) return
    forget()
    process.kill(process.pid, signal)
  }

  function forget(): void {
    process.off('exit', erase)
    process.off('SIGCONT', resumed)
    for (const signal of signals) process.off(signal, onSignal)
  }

  process.on('exit', erase)
  process.on('SIGCONT', resumed)
  for (const signal of signals) process.on(signal, onSignal)
  return forget
}
