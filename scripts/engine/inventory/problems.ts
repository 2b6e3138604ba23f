import { UsageError } from '#engine/errors.ts'
import { type Origin, placeOf } from './tree.ts'

/** Collects everything that is wrong, so that one run tells it all. */
export interface Problems {
  /** One problem: where it was written (an origin, or words), and what was expected and got. */
  add(where: Origin | string, message: string): void
  readonly found: readonly string[]
  /** Throws one UsageError with every problem found so far; nothing where there is none. */
  check(): void
}

/** A new, empty collection; `what` is said to be wrong: `inventory/production.yml`. */
export function collectProblems(what: string, hint?: string): Problems {
  const found = new Set<string>()
  return {
    add(where, message) {
      found.add(`${typeof where === 'string' ? where : placeOf(where)}: ${message}`)
    },
    get found() {
      return inOrder(found)
    },
    check() {
      const [first, ...more] = inOrder(found)
      if (first === undefined) return
      const details = hint === undefined ? {} : { hint }
      if (more.length === 0) throw new UsageError('inventory', first, details)
      const message = `${what}: ${found.size} problems, and no host was contacted`
      throw new UsageError('inventory', message, { ...details, lines: inOrder(found) })
    },
  }
}

// By file, then by line as a number.
function inOrder(found: Iterable<string>): readonly string[] {
  return [...found].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
}
