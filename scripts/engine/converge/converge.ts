import { type CapstanError, exitCodeOfRun, UnreachableError } from '#engine/errors.ts'
import type { Emit, HostRecap } from '#engine/output/events.ts'
import { type ConvergeOptions, convergeHost, type HostResult, type HostWork } from './host.ts'

/** How a run over several hosts ended: its recap, and its exit code. */
export interface RunResult {
  readonly hosts: Readonly<Record<string, HostRecap>>
  readonly exitCode: 0 | 1 | 4 | 75
}

/** Converges hosts, `forks` at a time; one that fails stops none of the others, and each one's error is told. */
export async function converge(
  hosts: readonly HostWork[],
  options: ConvergeOptions & { readonly forks: number },
): Promise<RunResult> {
  const recap: Record<string, HostRecap> = {}
  const errors: CapstanError[] = []
  await eachAtMost(options.forks, hosts, async work => {
    const result = await convergeHost(work, options)
    const { name } = work.identity
    recap[name] = recapOf(result)
    if (result.error !== undefined) {
      errors.push(result.error)
      tell(options.emit, name, result.error)
    }
    options.emit({ event: 'finished', host: name })
  })
  const ordered = Object.fromEntries(
    hosts.flatMap(({ identity: { name } }) => (recap[name] ? [[name, recap[name]]] : [])),
  )
  options.emit({ event: 'recap', hosts: ordered })
  return { hosts: ordered, exitCode: exitCodeOfRun(errors) }
}

function recapOf({ error, ...counts }: HostResult): HostRecap {
  const unreachable = error instanceof UnreachableError
  return { ...counts, failed: unreachable ? 0 : counts.failed, unreachable: unreachable ? 1 : 0 }
}

// What is not ours to explain is a bug: the printer shows its stack.
function tell(emit: Emit, host: string, error: CapstanError): void {
  emit({ event: 'failed', host, error })
}

async function eachAtMost<T>(
  limit: number,
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = items.values()
  const worker = async () => {
    for (const item of waiting) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker))
}
