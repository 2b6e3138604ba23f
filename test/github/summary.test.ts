import { expect, it } from 'vitest'
import { HostError } from '#engine/errors.ts'
import { annotationsOf } from '#engine/github/annotations.ts'
import { collectReport } from '#engine/github/run-report.ts'
import { summarize } from '#engine/github/summary.ts'
import type { Event } from '#engine/output/events.ts'
import { Secret } from '#engine/secret.ts'

const options = {
  diff: false,
  seconds: 4.2,
  repository: 'https://github.com/octocat/foobar',
  actor: 'octocat',
}
const counts = { ok: 7, changed: 7, failed: 0, unreachable: 0, skipped: 0, trips: 4, seconds: 3.9 }
const run: Event = {
  event: 'run',
  command: 'deploy',
  hosts: ['web1', 'web2'],
  check: false,
  inventory: 'production',
}
const step = (host: string, name: string, seconds: number, note?: string): Event => ({
  event: 'step',
  host,
  step: name,
  state: 'done',
  seconds,
  ...(note === undefined ? {} : { note }),
})
const report = {
  event: 'release',
  app: 'foobar',
  how: 'deploy',
  release: '20261122T204501Z-3f9a1c2',
  ref: '3f9a1c2 Second',
  previous: '20261121T101500Z-aaaaaaa',
  previousRef: 'aaaaaaa First',
  url: 'https://www.foobar.com/',
} as const

function summary(events: readonly Event[], more: Partial<Parameters<typeof summarize>[1]> = {}): string {
  const told = collectReport()
  for (const event of events) told.on(event, 0)
  return summarize(told.report(), { ...options, ...more })
}

it('tells a deploy: from, to, commits, hosts, health, times, the way back', () => {
  const rollback = 'npx zx scripts/rollback.mjs -i production --to 20261121T101500Z-aaaaaaa'
  const commits = [{ sha: '3f9a1c2d'.padEnd(40, '0'), subject: 'Second' }]
  const events: Event[] = [
    run,
    step('web1', 'upload', 1.25, '3 files sent'),
    step('web2', 'upload', 1.5, '3 files sent'),
    step('web1', 'health', 0.2),
    step('web2', 'health', 0.31),
    { ...report, outcome: 'live', commits, rollback },
    { event: 'recap', hosts: { web1: counts, web2: { ...counts, seconds: 4.05 } } },
  ]
  expect(summary(events)).toMatchInlineSnapshot(`
    "## ✅ foobar: 20261122T204501Z-3f9a1c2 is live

    \`20261121T101500Z-aaaaaaa\` → \`20261122T204501Z-3f9a1c2\` · 4.2 s · by octocat · <https://www.foobar.com/>

    - [\`3f9a1c2\`](https://github.com/octocat/foobar/commit/3f9a1c2d00000000000000000000000000000000) Second

    | host |  | steps | health | trips | time |
    | :-- | :-- | --: | --: | --: | --: |
    | \`web1\` | ✅ | 7 | ✅ 0.20 s | 4 | 3.9 s |
    | \`web2\` | ✅ | 7 | ✅ 0.31 s | 4 | 4.0 s |

    | step | \`web1\` | \`web2\` |  |
    | :-- | --: | --: | :-- |
    | upload | 1.3 s | 1.5 s | 3 files sent |
    | health | 0.20 s | 0.31 s |  |

    Back to \`20261121T101500Z-aaaaaaa\`, or by [the rollback workflow](https://github.com/octocat/foobar/actions/workflows/rollback.yml):

    \`\`\`sh
    npx zx scripts/rollback.mjs -i production --to 20261121T101500Z-aaaaaaa
    \`\`\`

    "
  `)
})

it('tells a gate that failed: where, the journal, what is live', () => {
  const error = new HostError('step-health', 'web2: 20261122T204501Z-3f9a1c2: health failed', {
    lines: ['GET /health answered 500', 'PHP Fatal error: `a` | <b>'],
    hint: 'The site is unchanged: 20261121T101500Z-aaaaaaa is live.',
  })
  const events: Event[] = [
    run,
    step('web1', 'health', 0.2),
    { event: 'failed', host: 'web2', error },
    { ...report, outcome: 'failed' },
    { event: 'recap', hosts: { web1: counts, web2: { ...counts, failed: 1 } } },
  ]
  expect(summary(events)).toMatchInlineSnapshot(`
    "## ❌ foobar: 20261122T204501Z-3f9a1c2 failed at health; the site is as before

    \`20261121T101500Z-aaaaaaa\` (aaaaaaa First) → \`20261122T204501Z-3f9a1c2\` (3f9a1c2 Second) · 4.2 s · by octocat · <https://www.foobar.com/>

    **web2: 20261122T204501Z-3f9a1c2: health failed**

    \`\`\`text
    GET /health answered 500
    PHP Fatal error: \`a\` | <b>
    \`\`\`

    The site is unchanged: 20261121T101500Z-aaaaaaa is live.

    | host |  | steps | health | trips | time |
    | :-- | :-- | --: | --: | --: | --: |
    | \`web1\` | ✅ | 7 | ✅ 0.20 s | 4 | 3.9 s |
    | \`web2\` | ❌ failed | 7 |  | 4 | 3.9 s |

    | step | \`web1\` | \`web2\` |  |
    | :-- | --: | --: | :-- |
    | health | 0.20 s | ❌ |  |

    "
  `)
})

it('tells where a run that is cancelled stopped', () => {
  const doing: Event = {
    event: 'changing',
    host: 'web1',
    role: 'nginx',
    where: 'roles/nginx/role.ts:12',
    resource: 'apt nginx',
    differences: [],
  }
  const text = summary([{ ...run, command: 'site', hosts: ['web1'] }, doing], { signal: 'SIGINT' })
  expect(text).toContain('## ⏹️ production: site was cancelled (SIGINT)')
  expect(text).toContain('- `web1` was at `nginx  apt nginx`')
})

it.each([
  ['markup', '<img src=x onerror=alert(1)> **bold** [a](b)'],
  ['a fence', '```\n</details>\n# big\n```'],
  ['cells', 'a | b | c'],
  ['a mention', '@octocat/everybody see #1'],
  ['an escape', '\u001b[31mred\u001b[0m\u202e'],
])('shows %s that a host said, and obeys none of it', (_what, text) => {
  const error = new HostError('look', `web1: ${text}`, { lines: [text], hint: text })
  const difference = { what: text, found: text, wanted: text, text: { before: text, after: `${text}x` } }
  const change = {
    host: 'web1',
    role: text,
    where: text,
    resource: text,
    differences: [difference],
    seconds: 1,
  }
  const all = summary(
    [
      run,
      { event: 'changed', ...change },
      { event: 'warning', host: text, message: text },
      { event: 'failed', host: 'web1', error },
      { event: 'step', host: 'web1', step: text, state: 'done', seconds: 1, note: text },
      { ...report, outcome: 'live', ref: text, commits: [{ sha: text, subject: text }] },
      { event: 'recap', hosts: { [text]: counts } },
    ],
    { diff: true },
  )
  const outside = withoutCode(all)
  expect(outside).not.toMatch(/(?<!\\)<(?!https|!-- -->|\/?details>|\/?summary>|br>)/)
  expect(outside).not.toMatch(/(?<![\\\w])\*\*bold|^# big/m)
  expect(outside).not.toMatch(/@\w/)
  expect(all).not.toMatch(/\u001b|\u202e/)
  for (const row of all.split('\n').filter(line => line.startsWith('| `web1`')))
    expect(row.replaceAll('\\|', '').split('|')).toHaveLength(row.includes('✅') ? 8 : 7)
})

// What code spans and fences hold is not obeyed.
function withoutCode(markdown: string): string {
  return markdown.replace(/^(`{3,})[^`]*?\n[\s\S]*?\n\1$/gm, '').replace(/(`+)(?!`)[^\n]*?[^`\n]\1(?!`)/g, '')
}

it('holds no secret, in no form', () => {
  const secret = new Secret('pa55-w0rd&canary')
  const forms = [
    secret.reveal(),
    encodeURIComponent(secret.reveal()),
    Buffer.from(secret.reveal()).toString('base64'),
  ]
  const error = new HostError('look', 'web1: x', { lines: forms })
  const text = summary([
    run,
    { event: 'failed', host: 'web1', error },
    { event: 'recap', hosts: { web1: counts } },
  ])
  for (const form of forms) expect(text).not.toContain(form)
})

it('puts an annotation where the error is in the user’s files', () => {
  const inRole = new HostError('test', 'nginx -t exited with 1', {
    where: 'roles/nginx/role.ts:21',
    hint: 'mend it',
  })
  expect(annotationsOf(inRole, 'web1')).toEqual([
    {
      message: 'mend it',
      properties: { title: 'web1: nginx -t exited with 1', file: 'roles/nginx/role.ts', startLine: 21 },
    },
  ])
  const inTemplate = new HostError('template', 'x', {
    where: 'roles/nginx/templates/etc/nginx/nginx.conf.ejs:7',
  })
  expect(annotationsOf(inTemplate)[0]?.properties).toMatchObject({
    file: 'roles/nginx/templates/etc/nginx/nginx.conf.ejs',
    startLine: 7,
  })
  const inInventory = new HostError('vars', 'two problems', {
    lines: ['inventory/production.yml:9: hosts.web1.adress: unknown key', '  roles/x.ts: no line'],
  })
  expect(annotationsOf(inInventory).map(({ properties }) => [properties.file, properties.startLine])).toEqual(
    [
      ['inventory/production.yml', 9],
      ['roles/x.ts', undefined],
    ],
  )
  const onHost = new HostError('x', 'web1: no', { where: '/etc/passwd:1', lines: ['/etc/shadow:3: what'] })
  expect(annotationsOf(onHost, 'web1')[0]?.properties).toEqual({ title: 'web1: no' })
})
