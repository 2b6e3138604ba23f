import type { ReleaseReport } from '../events.ts'
import type { Collected } from './collect.ts'

/** How a run ended; a page shows each in its own colour. */
export const outcomes = ['ok', 'changed', 'failed', 'stopped'] as const

export interface Headline {
  readonly outcome: (typeof outcomes)[number]
  /** `site on production: 2 of 5 hosts failed`. */
  readonly text: string
}

/** What came of a run, in a line. `end`: it came to its end; a signal that interrupted it; undefined: neither. */
export function headline(run: Collected, end: 'end' | NodeJS.Signals | undefined): Headline {
  const [first] = run.runs
  const command = first?.command ?? 'run'
  const about = first?.inventory === undefined ? command : `${command} on ${first.inventory}`
  const of = (outcome: Headline['outcome'], text: string) => ({ outcome, text: `${about}: ${text}` })

  if (end !== undefined && end !== 'end') return of('stopped', `interrupted by ${end}`)
  const failed = run.hosts.filter(({ recap }) => recap && recap.failed + recap.unreachable > 0)
  if (failed.length > 0) {
    const isUnreachable = failed.every(({ recap }) => recap?.failed === 0)
    const what = isUnreachable ? (failed.length === 1 ? 'is unreachable' : 'are unreachable') : 'failed'
    const release = run.releases.length === 1 ? run.releases.map(releaseEnd).join() : ''
    return of('failed', `${failed.length} of ${count(run.hosts.length, 'host')} ${what}${release}`)
  }
  if (run.errors.length > 0) return of('failed', 'failed')
  if (end === undefined) return of('stopped', 'has not ended')
  if (run.releases.length > 0)
    return of(run.releases.some(isPlanned) ? 'changed' : 'ok', run.releases.map(release).join('; '))
  const changes = run.hosts.reduce((sum, { recap }) => sum + (recap?.changed ?? 0), 0)
  const check = run.runs.some(each => each.check)
  if (changes === 0) return of('ok', check ? 'nothing would change' : 'nothing changed')
  return of('changed', `${count(changes, 'change')} ${check ? 'would be made' : 'made'}`)
}

function isPlanned({ outcome }: ReleaseReport): boolean {
  return outcome === 'planned'
}

function release({ app, release: id, outcome, how }: ReleaseReport): string {
  const name = id === undefined ? app : `${app} ${id}`
  if (outcome === 'planned') return `${name} would be deployed`
  if (outcome === 'live') return `${name} is live${how === 'deploy' ? '' : ' again'}`
  if (outcome === 'already live') return `${name} is already live`
  return `${name} failed`
}

function releaseEnd({ outcome, previous }: ReleaseReport): string {
  if (outcome === 'back') return previous === undefined ? '; nothing is live' : `; back to ${previous}`
  return outcome === 'failed' ? '; the site is as before' : ''
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}
