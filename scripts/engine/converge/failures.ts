import { HostError } from '#engine/errors.ts'
import { runDirectory } from '#engine/host/paths.ts'
import type { Resource } from '#engine/resources/resource.ts'
import { described, type Step, type transactions } from './plan.ts'

type Group = ReturnType<typeof transactions>[number]

/** A step that ended with another code than 0: `putBack` names the sets whose files went back, for a handler. */
export function stepFailed(
  host: string,
  step: Step,
  how: {
    readonly code: number
    readonly lines: readonly string[]
    readonly putBack: readonly string[]
    readonly again: number | undefined
  },
): HostError {
  const { resource, role, where } = described(step)
  const what = step.type === 'handler' ? `handler “${resource}”` : resource
  const full = how.lines.some(isDiskFull)
    ? ` A disk of the host is full: see \`df -h\` and \`df -i\` there.`
    : ''
  return new HostError('step-failed', `${host}: ${what} ended with ${how.code}`, {
    where: `${where} (role ${role})`,
    lines: how.lines,
    hint: `${nextStep(step, how.putBack, how.again)}${full}`,
  })
}

function isDiskFull(line: string): boolean {
  return /No space left on device|Disk quota exceeded/.test(line)
}

function freeSpace(path = ''): string {
  return `Free space there (see \`df -h ${path}\` and \`df -i ${path}\`)`
}

function nextStep(step: Step, putBack: readonly string[], again: number | undefined): string {
  if (step.type === 'resource' && step.resource.set)
    return `No file of “${step.resource.set.name}” was installed. Fix the problem and run again.`
  if (step.type === 'resource')
    return 'The steps before it are done, and later steps did not run. Fix the problem and run again.'
  if (putBack.length === 0)
    return 'Fix the problem shown above and run again. The handler stays pending until it has run.'
  const sets = putBack.map(name => `“${name}”`).join(' and ')
  return again === 0
    ? `The files of ${sets} were restored, and the handler succeeded with them, so its service runs as before. Fix the problem shown above and run again.`
    : `The files of ${sets} were restored, but the handler fails with them too and stays pending. Check its service on the host, and run again.`
}

/** A set whose test failed, on a copy of its files or where they lie. */
export function configRejected(
  host: string,
  { set, steps }: Group,
  tested: { readonly code: number; readonly on: 'copy' | 'place' },
  lines: readonly string[],
): HostError {
  const members = steps.map(step => described(step))
  const untouched =
    tested.on === 'copy'
      ? `Nothing in ${set?.root} was changed: the test ran on a copy.`
      : `Everything in ${set?.root} was restored.`
  return new HostError(
    'config-rejected',
    `${host}: ${set?.name}: \`${set?.test.trim()}\` ended with ${tested.code}`,
    {
      where: `${members[0]?.where} (role ${set?.role})`,
      lines: [...lines, ...members.map(({ resource, where }) => `would have changed: ${resource}  ${where}`)],
      hint: `${untouched} Fix the template or its vars and run again.`,
    },
  )
}

/** A set that could not be tried at all: its root is missing, the disk is full. */
export function setRefused(host: string, { set, steps }: Group, lines: readonly string[]): HostError {
  const first = steps[0]
  const isFull = lines.some(isDiskFull)
  const what = isFull ? `the disk that ${set?.root} is on is full` : 'its files can’t be changed as one'
  return new HostError('set-refused', `${host}: ${set?.name}: ${what}`, {
    where: first ? `${described(first).where} (role ${set?.role})` : '',
    // One for each file of the copy else.
    lines: isFull ? lines.filter(line => !isDiskFull(line) || line === lines.find(isDiskFull)) : lines,
    hint: `Nothing in ${set?.root} was changed. ${isFull ? freeSpace(set?.root) : 'Fix the problem shown above'} and run again.`,
  })
}

/** A stage that ended without a word: it was killed, or its disk is full. */
export function stageKilled(
  host: string,
  how: {
    readonly id: string
    readonly step: Step | undefined
    readonly code: number | undefined
    readonly lines: readonly string[]
  },
): HostError {
  const doing = how.step ? ` during ${described(how.step).resource}` : ''
  const code = how.code === undefined ? '' : ` (${how.code})`
  return new HostError('stage-killed', `${host}: the run was ended on the host${doing}${code}`, {
    lines: how.lines,
    hint: `Run again: it continues from the current state of the host. The log is ${runDirectory(how.id)}/log.`,
  })
}

/** A run that ended early because of an interrupt. */
export function stopped(host: string): HostError {
  return new HostError('interrupted', `${host}: stopped between two steps after an interrupt`, {
    hint: 'Completed steps stay, and pending handlers are kept on the host. Run again to continue.',
  })
}

/** What was applied as often as its kind allows and still differs. */
export function stillDiffers(host: string, step: Step): HostError {
  const { resource, where, differences } = described(step)
  const tries = step.type === 'resource' ? step.resource.kind.tries : undefined
  return new HostError(
    'still-differs',
    `${host}: ${resource} still differs after it was applied ${tries === 1 ? 'once' : 'three times'}`,
    {
      where,
      lines: differences.map(one => `${one.what}: wanted ${one.wanted}, found ${one.found}`),
      hint: 'Something on the host reverts the change, or two roles declare opposite states.',
    },
  )
}

/** A resource whose state nothing that is left to do could make known. */
export function unreadable(host: string, resource: Resource, reason: string): HostError {
  return new HostError('unknown', `${host}: ${resource.label}: its state can’t be read: ${reason}`, {
    where: resource.where(),
    hint: 'No remaining step of this run would change that. Check it on the host and run again.',
  })
}
