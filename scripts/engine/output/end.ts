const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

type Work = (signal?: NodeJS.Signals) => void
const all = new Set<{ readonly work: Work }>()

/**
 * Calls `work` before the process ends, by `process.exit`, an uncaught error or a signal, and before ^Z stops it. `work` gets
 * the signal that ends it; undefined for the other ways. A signal that nothing else handles still kills, as it would
 * without this; where the run handles it, the run goes on. Returns what takes it off again.
 */
export function atEnd(work: Work): () => void {
  // One set of listeners for all: with two, each would take the other for the run's own.
  if (all.size === 0) listen()
  const entry = { work }
  all.add(entry)
  return () => {
    if (all.delete(entry) && all.size === 0) stopListening()
  }
}

function doAll(signal?: NodeJS.Signals): void {
  for (const { work } of [...all]) work(signal)
}

function onSignal(signal: NodeJS.Signals): void {
  doAll(signal)
  if (process.listenerCount(signal) > 1) return
  all.clear()
  stopListening()
  process.kill(process.pid, signal)
}

function onExit(): void {
  doAll()
}

function onStop(): void {
  doAll()
  process.kill(process.pid, 'SIGSTOP')
}

function listen(): void {
  process.on('exit', onExit)
  process.on('SIGTSTP', onStop)
  for (const signal of signals) process.on(signal, onSignal)
}

function stopListening(): void {
  process.off('exit', onExit)
  process.off('SIGTSTP', onStop)
  for (const signal of signals) process.off(signal, onSignal)
}
