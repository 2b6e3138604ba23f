import { createHash } from 'node:crypto'
import { Script } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { reportHtml } from '#engine/output/report/html.ts'
import { nginxConf, run } from '../record.ts'
import { jsonOf } from './page.ts'

const attack = '</script><script>alert(1)</script><img src=x onerror=alert(1)>'
const html = reportHtml(
  `site ${attack}`,
  jsonOf([run, { event: 'changed', host: attack, ...nginxConf, resource: attack, seconds: 0 }]),
)
const between = (start: string, end: string) => html.split(start)[1]?.split(end)[0] ?? ''
const policy = between('http-equiv="Content-Security-Policy" content="', '"')
const sha256 = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

describe('The page of a report', () => {
  test('allows its own script and style by their hashes, and nothing else.', () => {
    expect(policy.split('; ')).toEqual([
      "default-src 'none'",
      `script-src ${sha256(between('<script type="module">', '</script>'))}`,
      `style-src ${sha256(between('<style>', '</style>'))}`,
      "base-uri 'none'",
      "form-action 'none'",
    ])
  })

  test('names nothing that it would load.', () => {
    const plain = reportHtml('site', jsonOf([run]))
    expect(plain.match(/\b(src|href|srcset|action)=|@import|url\(|\bimport\b/g)).toEqual(null)
  })

  test('takes what hosts and files say for text.', () => {
    const plain = reportHtml('site', jsonOf([run]))
    expect(plain.match(/<script/g)).toHaveLength(2)
    expect(html).not.toContain('<img')
    expect(JSON.parse(between('id="data">', '</script>')).hosts[0].name).toBe('web1')
    expect(between('<title>', '</title>')).toContain('&lt;/script&gt;')
  })

  test('has one script, in which no name is declared twice.', () => {
    const script = between('<script type="module">', '</script>')
    expect(script).not.toMatch(/^(import|export) /m)
    expect(() => new Script(`'use strict'; {${script}}`)).not.toThrow()
    expect(() => new Script(`'use strict'; {${script}; function decode() {}}`)).toThrow(
      'already been declared',
    )
  })
})
