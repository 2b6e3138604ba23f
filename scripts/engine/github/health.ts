import { code, prose, table } from './markdown.ts'

/** What was found on a host, as far as a summary shows it. */
export interface HostFindings {
  readonly host: string
  readonly state: 'good' | 'warning' | 'bad'
  readonly findings: readonly {
    readonly name: string
    readonly state: 'good' | 'warning' | 'bad'
    readonly text: string
    readonly cure: string | undefined
  }[]
}

const words = { good: 'healthy', warning: 'warning', bad: '**unhealthy**' } as const

/** The health of hosts as markdown: a table of them, and what is not good with what to do about it. */
export function healthSummary(all: readonly HostFindings[]): string {
  const rows = all.flatMap(({ host, findings }) =>
    findings
      .filter(({ state }) => state !== 'good')
      .map(({ name, state, text, cure }) => [
        code(host),
        code(name),
        state === 'bad' ? '**failed**' : 'warning',
        prose(text),
        cure === undefined ? '' : code(cure),
      ]),
  )
  const columns = (...names: readonly string[]) => names.map(name => [name, 'left'] as const)
  return [
    table(
      columns('host', 'state'),
      all.map(({ host, state }) => [code(host), words[state]]),
    ),
    table(columns('host', 'check', 'state', 'found', 'what to do'), rows),
  ]
    .filter(Boolean)
    .map(each => `${each}\n`)
    .join('\n')
}
