import { describe, expect, test } from 'vitest'
import { HostError } from '#engine/errors.ts'
import { Secret } from '#engine/secret.ts'
import { nginxConf, recap, record, run } from './record.ts'

const json = { json: true } as const

describe('JSON lines', () => {
  test('are one event each, as it was emitted, whatever the verbosity.', () => {
    const events = [run, { event: 'changed', host: 'web1', ...nginxConf, seconds: 0.04 }, recap] as const
    expect(record(events, json).map(line => JSON.parse(line))).toEqual(events)
  })

  test('end with the recap, though more came after it.', () => {
    const [first, last] = record([recap, { event: 'note', message: 'look at it' }], json)
    expect(first).toBe('{"event":"note","message":"look at it"}')
    expect(last).toBe(
      '{"event":"recap","hosts":{"web1":{"ok":57,"changed":0,"unreachable":0,"failed":0,"skipped":2,"trips":2,"seconds":0.41}}}',
    )
  })

  test('tell an error by its code, message, lines, place and hint.', () => {
    const details = { where: 'roles/nginx/role.ts:21', hint: 'edit it', lines: ['emerg'] }
    const error = new HostError('config-test', 'nginx -t exited with 1', details)
    const [line = ''] = record([{ event: 'failed', host: 'web1', error }], json)
    expect(JSON.parse(line)).toEqual({
      event: 'failed',
      host: 'web1',
      error: { code: 'config-test', message: 'nginx -t exited with 1', ...details },
    })
  })

  test('mask secrets before they are quoted, and stay JSON though a secret is one of our words.', () => {
    new Secret('q"uo\\te\nd-secret')
    new Secret('note')
    const [line = ''] = record([{ event: 'note', message: 'is q"uo\\te\nd-secret' }], json)
    expect(JSON.parse(line)).toEqual({ event: 'note', message: 'is ***' })
  })

  test('hold nothing that a terminal or the GitHub runner obeys, and read back as it was.', () => {
    const message = '\x1b[2J \x9b2J ##[error]x \u2028'
    const [line = ''] = record([{ event: 'progress', message }], json)
    expect(line).not.toMatch(/[\x00-\x1f\x7f-\x9f\u2028]|##\[/)
    expect(JSON.parse(line).message).toBe(message)
  })
})
