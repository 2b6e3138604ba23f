import { HostError, UnreachableError } from '#engine/errors.ts'
import type { Difference, Event } from '#engine/output/events.ts'

export interface Fleet {
  readonly hosts: number
  readonly resources: number
  /** All of a bare host is changed; else one in twenty resources is, and one host in fifty fails. */
  readonly isFirstRun?: boolean
}

// Names and shares as scripts/site.mjs has them.
const roles = [
  ['base', 60],
  ['dns', 25],
  ['nginx', 85],
  ['app', 65],
  ['mysql', 40],
  ['tls', 25],
] as const
const kinds = [
  'template /etc',
  'file /etc',
  'directory /srv/www',
  'link /etc',
  'unit',
  'service',
  'apt',
] as const

/** The events of a run over many hosts, each a few ms after the one before. */
export function* fleetEvents({ hosts, resources, isFirstRun = false }: Fleet): Generator<Event> {
  const names = Array.from(
    { length: hosts },
    (_, index) => `web${String(index + 1).padStart(3, '0')}.example.net`,
  )
  const declared = Array.from({ length: resources }, (_, index) => resource(index, resources))
  yield { event: 'run', command: 'site', hosts: names, check: false, inventory: 'production' }
  for (const [index, host] of names.entries()) {
    if (index % 100 === 99) {
      const error = new UnreachableError(
        'unreachable-econnrefused',
        `${host}: port 22: nothing listens there`,
      )
      yield { event: 'failed', host, error }
      continue
    }
    yield { event: 'connected', host, address: `10.0.${index >> 8}.${index & 255}:22`, seconds: 0.3 }
    yield {
      event: 'facts',
      host,
      facts: { cpus: 2, memory: 3900, addresses: [`10.0.0.${index & 255}`], live: [] },
    }
    yield { event: 'probed', host, resources, pass: 1 }
  }
  for (const [index, host] of names.entries()) {
    if (index % 100 === 99) continue
    yield* hostEvents(host, index, declared, isFirstRun)
  }
  const ends = names.map((host, index) => {
    const unreachable = index % 100 === 99 ? 1 : 0
    const changed = unreachable ? 0 : isFirstRun ? resources : Math.floor(resources / 20)
    const ok = unreachable ? 0 : resources
    return [host, { ok, changed, unreachable, failed: 0, skipped: 0, trips: 4, seconds: 41.3 }] as const
  })
  yield { event: 'recap', hosts: Object.fromEntries(ends) }
}

type Declared = ReturnType<typeof resource>

function* hostEvents(
  host: string,
  index: number,
  declared: readonly Declared[],
  isFirstRun: boolean,
): Generator<Event> {
  const fails = !isFirstRun && index % 50 === 7
  for (const [number, each] of declared.entries()) {
    const { role, resource } = each
    const isChanged = isFirstRun || (number + index) % 20 === 0
    if (!isChanged) {
      yield { event: 'ok', host, role, resource }
      continue
    }
    const change = { ...each, differences: isFirstRun ? made(number) : changed(host, number) }
    yield { event: 'changing', host, ...change }
    if (resource.startsWith('apt '))
      yield { event: 'output', host, resource, text: `Setting up ${resource.slice(4)} (1.22.1-9) ...\n` }
    if (fails && number > declared.length / 2) {
      const details = { where: each.where, lines: [`dpkg: error processing ${resource}`], hint: 'Run again.' }
      yield {
        event: 'failed',
        host,
        error: new HostError('step-failed', `${host}: ${resource} exited with 1`, details),
      }
      return
    }
    yield { event: 'changed', host, ...change, seconds: ((index * 7919 + number * 104729) % 4000) / 1000 }
  }
  yield { event: 'finished', host }
}

function resource(number: number, all: number) {
  let left = (number * 300) / all
  const [role] = roles.find(([, share]) => {
    left -= share
    return left < 0
  }) ?? ['tls']
  const where = `roles/${role}/role.ts:${20 + (number % 90)}`
  return { role, where, resource: `${kinds[number % kinds.length]}/${role}/conf.d/${number}-settings.conf` }
}

function made(number: number): readonly Difference[] {
  const after = Array.from(
    { length: 30 },
    (_, line) => `setting_${number}_${line} = ${line * number}\n`,
  ).join('')
  return [{ what: 'state', found: 'absent', wanted: 'file', text: { before: '', after } }]
}

/** Some of it is the host's own. */
function changed(host: string, number: number): readonly Difference[] {
  const text = (value: string) =>
    `# managed\nuser www-data;\nserver_name ${number % 3 === 0 ? host : 'all'};\n${value}\n`
  return [
    { what: 'mode', found: '0644', wanted: '0640' },
    {
      what: 'content',
      found: '3a8f11',
      wanted: '77c099',
      text: { before: text('on'), after: text(`off ${number}`) },
    },
  ]
}
