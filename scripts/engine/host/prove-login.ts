import { setTimeout as wait } from 'node:timers/promises'
import type { Connect } from '#engine/connection/connection.ts'
import { UnreachableError } from '#engine/errors.ts'
import type { Emit } from '#engine/output/events.ts'
import { quote } from '#engine/quote.ts'
import { runDirectory } from './paths.ts'

/**
 * Logs in over a new connection and tells the stage `id`, which waits for that (`proven_login` of converge/steps.sh). False where
 * no login works within 25 s; the reason is emitted as a warning.
 */
export async function proveLogin(
  host: string,
  id: string,
  { connect, emit, stop }: { readonly connect: Connect; readonly emit: Emit; readonly stop: AbortSignal },
): Promise<boolean> {
  const until = performance.now() + patience
  let [why, isFinal] = ['no answer', false]
  for (;;) {
    const left = until - performance.now()
    try {
      // Bringing a sandbox host up ignores the limit. The timer keeps no finished run from ending.
      const connecting = connect(Math.max(1, Math.min(8, left / 1000)))
      const connection = await Promise.race([connecting, wait(Math.max(0, left), undefined, { ref: false })])
      if (connection !== undefined) {
        await connection.run(`true >${quote(`${runDirectory(id)}/proven`)}`)
        await connection.close().catch(() => {})
        return true
      }
      void connecting.then(late => late.close()).catch(() => {})
    } catch (error) {
      why = (error as Error).message
      isFinal = !isPassing(error)
    }
    if (isFinal || performance.now() >= until || stop.aborted) {
      emit({ event: 'warning', host, message: `a new login does not work: ${why}` })
      return false
    }
    await wait(500, undefined, { signal: stop }).catch(() => {})
  }
}

const patience = 25_000

// A server that refuses the login refuses it again, and may ban a client that asks too often.
function isPassing(error: unknown): boolean {
  return (
    error instanceof UnreachableError &&
    /^(unreachable-.*|dropped|handshake|handshake-timeout|connection-lost|proxy)$/.test(error.code)
  )
}
