import type { Difference, PlannedChange } from '#engine/output/events.ts'
import {
  type ConfigSet,
  type Handler,
  handlerKey,
  type Resource,
  type Unknown,
} from '#engine/resources/resource.ts'
import type { Catalog } from './catalog.ts'
import type { Probed } from './probe.ts'

/** One step of a stage: a resource that is made so, or a handler that runs. */
export type Step =
  | {
      readonly type: 'resource'
      readonly resource: Resource
      readonly found: unknown
      readonly differences: readonly Difference[]
    }
  | { readonly type: 'handler'; readonly handler: Handler }

/** What stands between a host and its catalog. */
export interface Plan {
  /** What can be done now, in order: up to the first resource whose state is unknown. */
  readonly stage: readonly Step[]
  /**
   * What the stage leaves: the resource that is unknown and all after it, and late ones that differ now, which may not
   * once the rest is done. Empty: the stage is the last.
   */
  readonly rest: readonly Probed[]
  /** Resources that are as declared. */
  readonly ok: readonly Resource[]
  /** What the operator should know of those. */
  readonly warnings: readonly string[]
}

/**
 * Compares wanted and found. `pending` are keys of handlers that have been notified and did not run yet; `done` are
 * resources that can't be verified and ran already. Pure.
 */
export function plan(
  catalog: Catalog,
  probed: readonly Probed[],
  pending: ReadonlySet<string>,
  done: ReadonlySet<Resource>,
): Plan {
  const ordered = [...probed.filter(isEarly), ...probed.filter(one => !isEarly(one))]
  const first = ordered.findIndex(({ state }) => !state.known)
  const now = first < 0 ? ordered : ordered.slice(0, first)
  const rest = first < 0 ? [] : ordered.slice(first)
  const unfinished = new Set(rest.filter(isEarly).map(({ resource }) => resource.role))
  const notified = new Set(pending)
  const ok: Resource[] = []
  const warnings: string[] = []
  const stage: Step[] = []

  const compare = ({ resource, state, differences }: Probed): void => {
    if (!state.known) return
    if (differences.length > 0 && !done.has(resource)) {
      stage.push({ type: 'resource', resource, found: state.value, differences })
      for (const handler of resource.notify) notified.add(handlerKey(handler))
      return
    }
    ok.push(resource)
    const warning = resource.kind.warning?.(resource.wanted, state.value)
    if (warning !== undefined) warnings.push(warning)
  }

  for (const role of rolesOf(catalog)) {
    for (const one of now) if (one.resource.role === role && isEarly(one)) compare(one)
    if (unfinished.has(role)) break
    for (const handler of catalog.handlers)
      if (handler.role === role && notified.has(handlerKey(handler))) stage.push({ type: 'handler', handler })
  }
  const late = now.filter(one => !isEarly(one))
  const postponed = stage.length === 0 ? [] : late.filter(({ differences }) => differences.length > 0)
  for (const one of late) if (!postponed.includes(one)) compare(one)
  return { stage, rest: [...postponed, ...rest], ok, warnings }
}

function isEarly({ resource }: Probed): boolean {
  return !resource.late
}

/** All changes that `--check` prints: the stage, and what is unknown or comes after it. */
export function foreseen({ stage, rest }: Plan): readonly PlannedChange[] {
  const later = rest.flatMap(({ resource, state, differences }): PlannedChange[] => {
    const change = { resource: resource.label, role: resource.role, where: resource.where() }
    if (!state.known) return [{ ...change, differences: [], unknown: (state as Unknown).reason }]
    return differences.length === 0 ? [] : [{ ...change, differences }]
  })
  return [...stage.map(described), ...later]
}

/** A step as data of an event. */
export function described(step: Step): PlannedChange {
  if (step.type === 'handler') {
    const { handler } = step
    return {
      resource: handler.name,
      role: handler.role,
      where: handler.where(),
      differences: [],
      handler: true,
    }
  }
  const { resource, differences } = step
  return { resource: resource.label, role: resource.role, where: resource.where(), differences }
}

/** Neighbouring steps of the same config set belong together: they are tested and installed as one. */
export function transactions(
  stage: readonly Step[],
): readonly { readonly set: ConfigSet | undefined; readonly steps: readonly Step[] }[] {
  const groups: { set: ConfigSet | undefined; steps: Step[] }[] = []
  for (const step of stage) {
    const set = step.type === 'resource' ? step.resource.set : undefined
    const last = groups.at(-1)
    if (set && last?.set === set) last.steps.push(step)
    else groups.push({ set, steps: [step] })
  }
  return groups
}

function rolesOf(catalog: Catalog): readonly string[] {
  return [...new Set([...catalog.resources, ...catalog.handlers].map(one => one.role))]
}
