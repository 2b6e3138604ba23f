import { readFileSync } from 'node:fs'
import type { Difference } from '#engine/output/events.ts'
import { quote, quoteAll } from '#engine/quote.ts'
import { type Declare, type DeclareOptions, type Kind, known } from './resource.ts'

export interface Worker {
  readonly name: string
  /** It has a timer, which runs instead of it and begins it. */
  readonly scheduled: boolean
}

interface WantedWorkers {
  readonly app: string
  readonly workers: readonly Worker[]
}

interface FoundWorkers {
  /** The release that `current` leads to; undefined: none is live. */
  readonly live: string | undefined
  /** Templates of workers that the host has: `shop.mail@.service`. */
  readonly files: readonly string[]
  /** Their instances that have not ended: `shop.mail@20261122T204501Z-3f9a1c2.service`; an ending one was told to. */
  readonly there: readonly { readonly unit: string; readonly ending: boolean }[]
}

/** Workers of apps: those of the live release run, no others do, and the host has no more than are declared. */
const kind: Kind<WantedWorkers, FoundWorkers> = {
  noun: 'workers',

  probe(items) {
    return `${functions}${items.map(probeOf).join('')}`
  },

  parse(output, items) {
    const blocks = output.toString().split('end\n').slice(0, -1)
    if (blocks.length !== items.length)
      throw new Error(`the workers of ${items.length} apps were asked for, ${blocks.length} answered`)
    return blocks.map(block => known(readBlock(block)))
  },

  // One that has still to end may have its next start waiting for that: it counts as what it is to be.
  diff({ app, workers }, { live, files, there }) {
    const wanted = workers.flatMap(worker => filesOf(app, worker))
    const starts = live === undefined ? [] : workers.map(worker => unitOf(app, worker, live))
    return [
      ...files.filter(file => !wanted.includes(file)).map(file => difference(file, 'there', 'absent')),
      ...starts
        .filter(unit => !there.some(one => one.unit === unit))
        .map(unit => difference(unit, 'inactive', 'active')),
      ...there
        .filter(({ unit, ending }) => !ending && (live === undefined || !unit.includes(`@${live}.`)))
        .map(({ unit }) => difference(unit, 'active', 'inactive')),
    ]
  },

  apply({ app, workers }) {
    const files = workers.flatMap(worker => filesOf(app, worker))
    return `${shell(app)}workers_only ${quoteAll(files)}\nworkers_follow\n`
  },
}

export interface DeclareWorkers {
  (app: string, workers: readonly Worker[], options?: DeclareOptions): void
  /** Shell for a handler: restarts those of the live release, and waits for none of them. */
  restart(app: string, options?: RestartOptions): string
}

export interface RestartOptions {
  /** What a timer has begun is ended as well; without it that goes on as it is. */
  readonly jobs?: boolean
}

/** `workers('shop', [{ name: 'mail', scheduled: false }])`; their units are declared before it. */
export function workers(declare: Declare): DeclareWorkers {
  return Object.assign(
    (app: string, all: readonly Worker[], options: DeclareOptions = {}) =>
      declare(kind, { name: app, wanted: { app, workers: all } }, options),
    {
      restart: (app: string, { jobs = false }: RestartOptions = {}) =>
        `${shell(app)}workers_restart ${jobs ? 'jobs' : "''"}\n`,
    },
  )
}

/** What a worker's unit is called before the `@`. An app's name has no dot: no other app's unit is named so. */
export function workerName(app: string, name: string): string {
  return `${app}.${name}`
}

/** Shell functions for the workers of the app that the variable APP names. */
export const functions = readFileSync(new URL('workers.sh', import.meta.url), 'utf8')

function shell(app: string): string {
  return `${functions}APP=${quote(app)}\n`
}

function probeOf({ app, workers }: WantedWorkers): string {
  const looked = `printf 'live %s\\n' "$(readlink ${quote(`/srv/www/${app}/current`)})"
for file in $(worker_files); do printf 'file %s\\n' "$file"; done
if has_workers; then workers_there | while read -r unit; do printf 'unit %s\\n' "$unit"; done; fi
`
  return `APP=${quote(app)}\n${workers.length > 0 ? looked : `if has_workers; then\n${looked}fi\n`}echo end\n`
}

function readBlock(block: string): FoundWorkers {
  const lines = block.split('\n')
  const all = (word: string) =>
    lines.flatMap(line => (line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : []))
  const live = all('live')[0]?.split('/').at(-1)
  const there = all('unit').map(line => {
    const [unit = '', state] = line.split(' ')
    return { unit, ending: state === 'deactivating' }
  })
  return { live: live === '' ? undefined : live, files: all('file'), there }
}

function filesOf(app: string, { name, scheduled }: Worker): readonly string[] {
  const template = `${workerName(app, name)}@`
  return [`${template}.service`, ...(scheduled ? [`${template}.timer`] : [])]
}

function unitOf(app: string, { name, scheduled }: Worker, release: string): string {
  return `${workerName(app, name)}@${release}.${scheduled ? 'timer' : 'service'}`
}

function difference(what: string, found: string, wanted: string): Difference {
  return { what, found, wanted }
}
