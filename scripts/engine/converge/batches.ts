import type { ConfigSet, FileChange } from '#engine/resources/resource.ts'
import type { Step, transactions } from './plan.ts'

/** Steps that are called together: those of a config set, those that one process makes, or one. */
interface Batch {
  readonly set: ConfigSet | undefined
  readonly steps: readonly Step[]
  /** Of the group among the transactions of the stage. */
  readonly index: number
  /** File names of the handlers that its steps notify. */
  readonly keys: string
}

/** Neighbouring changes of files that notify the same handlers are one batch; each other group is one of its own. */
export function batches(
  groups: ReturnType<typeof transactions>,
  notifiedBy: (step: Step) => readonly string[],
): readonly Batch[] {
  const all: (Batch & { steps: Step[]; size: number })[] = []
  groups.forEach(({ set, steps }, index) => {
    const keys = [...new Set(steps.flatMap(notifiedBy))].join(' ')
    const size = set ? undefined : sizeOf(steps)
    const last = all.at(-1)
    if (last && size !== undefined && last.size + size < largestBatch && last.keys === keys) {
      last.steps.push(...steps)
      last.size += size
    } else all.push({ set, steps: [...steps], index, keys, size: size ?? largestBatch })
  })
  return all
}

// Bytes that a process on the host has in its memory, but for one file that is larger alone.
const largestBatch = 4_194_304

/** Of the contents; undefined where a step is no change of a file. */
function sizeOf(steps: readonly Step[]): number | undefined {
  const sizes = steps.map(step => {
    const change = changeOf(step)
    return change && (change.content?.length ?? 0) + 200
  })
  return sizes.includes(undefined) ? undefined : sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0)
}

function changeOf(step: Step): FileChange | undefined {
  if (step.type === 'handler') return undefined
  const { kind, wanted } = step.resource
  return kind.changes && kind.changes.like === kind.apply ? kind.changes.of(wanted, step.found) : undefined
}

/** What `many` of steps.sh reads. */
export function record(step: Step, index: number): Buffer {
  const change = changeOf(step)
  if (!change) throw new Error(`step ${index} is no change of a file`)
  const { what, args, content = Buffer.alloc(0) } = change
  const fields = [String(index), what, String(args.length), ...args]
  if (fields.some(field => field.includes('\0'))) throw new RangeError('a NUL byte cannot be part of a path')
  return Buffer.concat([Buffer.from(fields.map(field => `${field}\0`).join('')), content])
}
