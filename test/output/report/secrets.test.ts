import { expect, test } from 'vitest'
import { HostError } from '#engine/errors.ts'
import type { Event } from '#engine/output/events.ts'
import { reportHtml } from '#engine/output/report/html.ts'
import { maskedForms, Secret } from '#engine/secret.ts'
import { jsonOf, pagePart } from './page.ts'

const password = 'p&a\'ss"w<o>r$d;\\ of-web1'
const key = '-----BEGIN KEY-----\nfirst line of it\nanother line\n-----END KEY-----'
const forms = [password, encodeURIComponent(password), Buffer.from(password).toString('base64'), key]
const all = forms.join(' and ')

const change = {
  ...{ role: `role ${all}`, where: `roles/x/role.ts:1 ${all}`, resource: `file ${all}` },
  differences: [
    { what: `what ${all}`, found: all, wanted: `${'x'.repeat(590)}${all}` },
    {
      ...{ what: 'content', found: 'a', wanted: 'b' },
      text: { before: `a = 1\npassword = ${all}\n`, after: `a = 2\n${key}\npassword = ${all}\n` },
    },
  ],
}
const web1 = { host: 'web1' } as const
const details = { hint: all, lines: [all], where: all }

/** A text of each kind that an event can have, with a secret in it. */
const events: readonly Event[] = [
  { event: 'run', command: `site ${all}`, hosts: ['web1'], check: false, inventory: all },
  { event: 'progress', ...web1, message: all },
  { event: 'facts', ...web1, facts: { live: [], addresses: [all] } },
  { event: 'ok', ...web1, role: all, resource: all },
  { event: 'skipped', ...web1, role: all, resource: all, why: all },
  { event: 'planned', ...web1, ...change, unknown: all },
  { event: 'changing', ...web1, ...change },
  // In pieces, as it comes over the wire.
  ...[...`first\n${all}\nlast ${all}`].map(
    text => ({ event: 'output', ...web1, resource: change.resource, text }) as const,
  ),
  { event: 'changed', ...web1, ...change, seconds: 1 },
  { event: 'step', ...web1, step: all, state: 'done', note: all },
  { event: 'warning', ...web1, message: all, hint: all },
  { event: 'failed', ...web1, error: new HostError('x', all, details) },
  {
    ...{ event: 'release', app: all, how: 'deploy', outcome: 'live', release: all, previous: all },
    ...{ url: `https://${all}/`, rollback: all, commits: [{ sha: all, subject: all }] },
  },
  { event: 'note', message: all },
]

test('A secret is in no form anywhere in the file, whatever event it came with.', () => {
  // Without its being known as one, it is there: the check can fail.
  expect(jsonOf(events)).toContain('of-web1')
  new Secret(password)
  new Secret(key)
  const json = jsonOf(events)
  const html = reportHtml(`site ${all}`, json)
  expect(json.split('***').length).toBeGreaterThan(60)
  for (const form of maskedForms()) {
    expect(html).not.toContain(form)
    // As JSON and as HTML have it.
    expect(html).not.toContain(JSON.stringify(form).slice(1, -1).replaceAll('<', '\\u003c'))
    expect(html).not.toContain(form.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'))
  }
  for (const piece of ['of-web1', 'first line of it', 'another line']) expect(html).not.toContain(piece)
})

test('A secret that is a word of ours hides only what hosts printed.', async () => {
  for (const word of ['changed', 'failed', 'resources', 'nginx', 'function', 'outcome', 'rows'])
    new Secret(word)
  const { decode } = await pagePart('data.js')
  const [row] = decode(
    JSON.parse(
      jsonOf([
        {
          event: 'changed',
          ...web1,
          role: 'nginx',
          where: '',
          resource: 'apt nginx',
          differences: [],
          seconds: 1,
        },
      ]),
    ),
  ).rows
  expect(row).toMatchObject({ status: 'changed', role: '***', resource: 'apt ***' })
  expect(reportHtml('', '{}')).toContain('function')
})
