import { readFileSync } from 'node:fs'
import type { StatusCheck } from '#engine/converge/role.ts'
import { quote } from '#engine/quote.ts'
import { socketsReader } from '#engine/resources/listens/sockets.ts'
import type { PartOutput } from './parts.ts'

/** What one check of a host says. */
export interface Finding {
  /** `disk`, `certificate`, or `site shop`. */
  readonly name: string
  readonly state: 'good' | 'warning' | 'bad'
  /** `/: 27% of its space used`. */
  readonly text: string
  /** What to do about it; undefined where it is good. */
  readonly cure: string | undefined
}

/** Checks that every host has, in the order in which they are shown. */
export const hostChecks: readonly StatusCheck[] = [
  'system',
  'services',
  'disk',
  'memory',
  'sockets',
  'clock',
  'updates',
  'reboot',
  'runs',
].map(name => ({ name, script: read(`host/${name}.sh`) }))

/** Shell of a check, with the functions by which it says how it ends, and `listening`, which lists the host's sockets. */
export function checkScript({ script }: StatusCheck): string {
  return `${functions}${script}`
}

const functions = `${read('checks.sh')}listening() { perl -e ${quote(`${socketsReader}${read('sockets.pl')}`)}; }\n`

/** What a check says; nothing where it does not apply to the host. */
export function findingsOf(name: string, { stdout, lastError }: PartOutput): readonly Finding[] {
  if (stdout.length === 0) return lastError === '' ? [] : [unchecked(name, lastError)]
  const fields = stdout.toString().split('\0')
  if (fields.pop() !== '' || fields.length % 3 !== 0)
    return [unchecked(name, lastError || 'its output is incomplete')]
  return Array.from({ length: fields.length / 3 }, (_, index) => {
    const [state = '', text = '', cure = ''] = fields.slice(index * 3, index * 3 + 3)
    return {
      name,
      state: state === 'good' || state === 'warning' ? state : 'bad',
      text,
      cure: cure === '' ? undefined : cure,
    }
  })
}

/** A check that did not finish. */
export function unchecked(name: string, why: string): Finding {
  return { name, state: 'bad', text: `could not be checked: ${why}`, cure: undefined }
}

function read(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8')
}
