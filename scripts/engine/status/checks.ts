import { readFileSync } from 'node:fs'
import type { StatusCheck } from '#engine/converge/role.ts'
import { HostError } from '#engine/errors.ts'
import { quote } from '#engine/quote.ts'

/** What one check of a host says. */
export interface Finding {
  /** `disk`, `certificate`, or the name of a site. */
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

/** Shell that runs all checks at the same time and prints what they say, in their order. */
export function checksScript(checks: readonly StatusCheck[]): string {
  const each = checks.map(
    ({ name, script }, index) =>
      `(\nNAME=${quote(name)}\n${script}\n) >"$dir/${index}" 2>"$dir/${index}.err" </dev/null &\n`,
  )
  const told = checks.map(
    ({ name }, index) =>
      `cat "$dir/${index}"; [ -s "$dir/${index}" ] || [ ! -s "$dir/${index}.err" ] || { NAME=${quote(name)}; bad "could not be checked: $(tail -n 1 "$dir/${index}.err")" ''; }\n`,
  )
  return [
    functions,
    'dir=$(mktemp -d /run/capstan-status.XXXXXX) || exit\ntrap \'rm -rf -- "$dir"\' EXIT\n',
    ...each,
    'wait\n',
    ...told,
  ].join('')
}

/** What `checksScript` printed. Throws HostError where that is no such text. `command` stands for HOST in a cure. */
export function parseFindings(host: string, output: Buffer, command: string): readonly Finding[] {
  const fields = output.toString().split('\0')
  if (fields.pop() !== '' || fields.length % 4 !== 0)
    throw new HostError('no-status', `${host}: the checks ended early`, { lines: fields.slice(-4) })
  return Array.from({ length: fields.length / 4 }, (_, index) => {
    const [name = '', state = '', text = '', cure = ''] = fields.slice(index * 4, index * 4 + 4)
    return {
      name,
      state: state === 'good' || state === 'warning' ? state : 'bad',
      text,
      cure: cure === '' ? undefined : cure.replace(/\bHOST(?= --)/g, command),
    }
  })
}

const functions = read('checks.sh')

function read(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8')
}
