import { Agent, request } from 'node:https'

export interface LoadTarget {
  readonly address: string
  readonly port: number
  readonly domain: string
  readonly path: string
  /** Requests that are on their way at once. */
  readonly connections: number
  /** False opens a connection for each request. */
  readonly keepAlive: boolean
  /** Milliseconds between an answer and the next request of the same visitor. */
  readonly pause?: number
  /** Milliseconds that a visitor stops in the middle of an answer that doesn't come at once. */
  readonly linger?: number
}

/** What visitors met. */
export interface LoadResult {
  readonly requests: number
  /** Statuses and errors other than 200, with how often each was met. */
  readonly failures: Readonly<Record<string, number>>
  /** The releases that answered, by their header or else the last word of the body. */
  readonly releases: Readonly<Record<string, number>>
  /** Milliseconds of each answer, and the moment (ms of performance.now) at which it came. */
  readonly answers: readonly { readonly at: number; readonly took: number }[]
}

/** Visitors that ask without end until `stop`, which waits for the last answers; `requests` is how many they have so far. */
export function startLoad(target: LoadTarget): { requests(): number; stop(): Promise<LoadResult> } {
  const agent = new Agent({
    keepAlive: target.keepAlive,
    maxSockets: target.connections,
    rejectUnauthorized: false,
    servername: target.domain,
  })
  const failures: Record<string, number> = {}
  const releases: Record<string, number> = {}
  const answers: { at: number; took: number }[] = []
  let stopped = false

  async function visitor(): Promise<void> {
    while (!stopped) {
      const began = performance.now()
      const { status, release } = await ask(target, agent)
      const now = performance.now()
      answers.push({ at: now, took: now - began })
      if (status !== '200') failures[status] = (failures[status] ?? 0) + 1
      if (status === '200') releases[release] = (releases[release] ?? 0) + 1
      if (target.pause) await new Promise(resolve => setTimeout(resolve, target.pause))
    }
  }

  const visitors = Promise.all(Array.from({ length: target.connections }, visitor))
  return {
    requests: () => answers.length,
    async stop() {
      stopped = true
      await visitors
      agent.destroy()
      return { requests: answers.length, failures, releases, answers }
    },
  }
}

function ask(
  { address, port, domain, path, linger }: LoadTarget,
  agent: Agent,
): Promise<{ readonly status: string; readonly release: string }> {
  return new Promise(resolve => {
    const asked = request(
      { host: address, port, path, agent, headers: { Host: domain }, timeout: 60_000 },
      answer => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        if (linger !== undefined)
          answer.once('data', () => {
            answer.pause()
            setTimeout(() => answer.resume(), linger)
          })
        answer.on('end', () => {
          const said = /(\S+)\s*$/.exec(Buffer.concat(chunks).toString('latin1', 0, 1000))?.[1]
          const release = answer.headers['x-release'] ?? said ?? ''
          resolve({ status: String(answer.statusCode), release: String(release) })
        })
        answer.on('error', error => resolve({ status: `cut: ${error.message}`, release: '' }))
      },
    )
    asked.on('timeout', () => asked.destroy(new Error('no answer within 60 s')))
    asked.on('error', error => resolve({ status: error.message, release: '' }))
    asked.end()
  })
}

/** The value that `share` of the answers stay below: `percentile(answers, 0.99)`, in milliseconds. */
export function percentile(values: readonly number[], share: number): number {
  const ordered = [...values].sort((a, b) => a - b)
  return ordered[Math.min(ordered.length - 1, Math.floor(ordered.length * share))] ?? Number.NaN
}
