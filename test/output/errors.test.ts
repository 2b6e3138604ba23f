import { describe, expect, test } from 'vitest'
import { HostError, UnreachableError, UsageError } from '#engine/errors.ts'
import { renderError } from '#engine/output/errors.ts'

const env = {}

describe('An error', () => {
  test('of no host is its message, where and hint.', () => {
    const error = new UsageError('vars', 'web1.nginx.port: expected 1–65535, got "22a"', {
      where: 'inventory/production.yml',
      hint: 'Give a number.',
    })
    expect(renderError(error, { env }).split('\n')).toEqual([
      'error    web1.nginx.port: expected 1–65535, got "22a"             inventory/production.yml',
      'hint  Give a number.',
    ])
  })

  test('keeps its place beside a message that is too long for the column.', () => {
    const error = new HostError('x', 'm'.repeat(80), { where: 'roles/x/role.ts:1' })
    expect(renderError(error, { host: 'web1', env })).toBe(
      `web1  failed   ${'m'.repeat(80)}  roles/x/role.ts:1`,
    )
  })

  test('of several lines keeps them under the message, and hints under the hint.', () => {
    const error = new UnreachableError('host-key', 'unknown host key\nSHA256:abc', {
      lines: ['asked for web1:22'],
      hint: 'Compare it, then:\n  ssh-keyscan web1',
    })
    expect(renderError(error, { host: 'loadbalancer', env }).split('\n')).toEqual([
      'loadbalancer  unreachable  unknown host key',
      '                           SHA256:abc',
      '                           asked for web1:22',
      'hint          Compare it, then:',
      '                ssh-keyscan web1',
    ])
  })

  test('that is no CapstanError is a bug, told with the stacks of it and its causes, and nothing else of them.', () => {
    const cause = Object.assign(new Error('low'), { privateKey: 'very private' })
    const text = renderError(new TypeError('x is not a function', { cause }), { host: 'web1', env })
    expect(text).toMatch(/^web1 {2}failed {3}TypeError: x is not a function\n {15} {4}at .*errors\.test\.ts/)
    expect(text).toContain('caused by Error: low\n')
    expect(text).toMatch(
      /\nhint {2}this is a bug in Capstan, not in your files: report it with the lines above$/,
    )
    expect(text).not.toContain('very private')
  })

  test.each([undefined, null, 'a string', 42])('that is no error at all, %j, is told as well.', thrown => {
    expect(renderError(thrown, { env })).toMatch(/^error {4}thrown: .*\nhint {2}this is a bug/)
  })

  test('shows its stack where that is asked for.', () => {
    const error = new HostError('x', 'm', { cause: new Error('ECONNRESET') })
    expect(renderError(error, { env })).toBe('error    m')
    expect(renderError(error, { env, stack: true })).toMatch(
      /at .*errors\.test\.ts[\s\S]*caused by Error: ECONNRESET/,
    )
  })
})
