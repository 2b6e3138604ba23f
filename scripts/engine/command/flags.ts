import { displayWidth, padTo } from '#engine/output/width.ts'

/** A flag as parseArgs reads it, with what `--help` says of it. */
export interface Flag {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  readonly default?: string | boolean
  readonly multiple?: boolean
  /** Placeholder of its value in the help: `PATTERN`. */
  readonly value?: string
  readonly help: string
}

export type Flags = Readonly<Record<string, Flag>>

/** The flags that mean the same in every script. */
const commonFlags = {
  inventory: {
    ...{ type: 'string', short: 'i', default: 'sandbox', value: 'NAME' },
    help: 'name of a file in inventory/, or a path (default: sandbox)',
  },
  limit: {
    ...{ type: 'string', short: 'l', default: 'all', value: 'PATTERN' },
    help: 'limit to these hosts: web1,web2  web:!web3  web*',
  },
  site: {
    type: 'string',
    value: 'NAME',
    help: 'select a site of hosts that have several: shop, or shop,blog',
  },
  wait: {
    ...{ type: 'string', default: '30', value: 'SECONDS' },
    help: 'how long to wait for another deploy or rollback (default: 30)',
  },
  'extra-vars': {
    ...{ type: 'string', short: 'e', multiple: true, value: 'K=V' },
    help: 'override a var of the inventory: nginx.body=64m, or @file.yml',
  },
  forks: {
    type: 'string',
    short: 'f',
    default: '20',
    value: 'N',
    help: 'number of hosts at the same time (default: 20)',
  },
  check: {
    type: 'boolean',
    short: 'C',
    default: false,
    help: 'show what would change, without changing anything',
  },
  diff: { type: 'boolean', short: 'D', default: false, help: 'show differences in files' },
  'ask-become-pass': {
    ...{ type: 'boolean', short: 'K', default: false },
    help: 'ask for the sudo password (or set CAPSTAN_SUDO_PASSWORD)',
  },
  verbose: { type: 'boolean', short: 'v', multiple: true, help: 'print more: -v, -vv, -vvv' },
  report: {
    type: 'string',
    value: 'FILE',
    help: 'write an HTML report of the run to FILE',
  },
  json: { type: 'boolean', default: false, help: 'print events as JSON, one per line' },
  help: { type: 'boolean', short: 'h', default: false, help: 'show this help' },
} as const satisfies Flags

type Common = typeof commonFlags

/** Some of the common flags, in their order. */
export function common<const N extends readonly (keyof Common)[]>(...names: N): Pick<Common, N[number]> {
  const picked = names.map(name => [name, commonFlags[name]])
  return Object.fromEntries(picked) as Pick<Common, N[number]>
}

/** The lines of `--help` for flags: the letter, the name, the value and what it does. */
export function flagLines(flags: Flags): string {
  const rows = Object.entries(flags).map(([name, { short, value, help }]) => {
    const letter = short === undefined ? '    ' : `-${short}, `
    return [`  ${letter}--${name}${value === undefined ? '' : ` ${value}`}`, help] as const
  })
  const width = Math.max(...rows.map(([left]) => displayWidth(left)))
  return rows.map(([left, help]) => `${padTo(left, width)}  ${help}\n`).join('')
}
