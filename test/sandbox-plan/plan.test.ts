import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  addressIn,
  checkHostName,
  cloneId,
  containerName,
  overlaps,
  portChoices,
  subnetChoices,
} from '#engine/sandbox/plan.ts'

describe('names', () => {
  test('a clone is known by its path, and so are its containers', () => {
    expect(cloneId('/home/a/site')).toMatch(/^[0-9a-f]{8}$/)
    expect(cloneId('/home/a/site')).not.toBe(cloneId('/home/b/site'))
    expect(containerName('/home/a/site', 'web1')).toBe(`capstan-${cloneId('/home/a/site')}-web1`)
  })

  test.each(['web1', 'a', 'db-2', '9', `a${'b'.repeat(61)}c`])('%s is a host', name => {
    expect(() => checkHostName(name)).not.toThrow()
  })

  test.each(['', 'Web1', '-a', 'a-', 'a.b', 'a b', '../x', 'é', 'a'.repeat(64), 'a\n'])(
    '%j is refused as the name of a host',
    name => {
      expect(() => checkHostName(name)).toThrow(/expected a name like web1/)
    },
  )
})

describe('ports', () => {
  test('they follow from the clone and the name, so that a host comes back on the ports it had', () => {
    expect(portChoices('/site', 'web1')).toEqual(portChoices('/site', 'web1'))
    expect(portChoices('/site', 'web1')[0]).not.toEqual(portChoices('/site', 'web2')[0])
    expect(portChoices('/site', 'web1')[0]).not.toEqual(portChoices('/other', 'web1')[0])
  })

  test('all lie above the privileged and below the ephemeral ones, and no two sets share a port', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (root, host) => {
        const ports = portChoices(root, host).flatMap(choice => Object.values(choice))
        expect(new Set(ports).size).toBe(ports.length)
        expect(Math.min(...ports)).toBeGreaterThanOrEqual(20_000)
        expect(Math.max(...ports)).toBeLessThan(32_768)
      }),
      { numRuns: 30 },
    )
  })
})

describe('networks', () => {
  test.each([
    ['10.1.2.0/24', '10.1.2.0/24', true],
    ['10.1.2.0/24', '10.1.3.0/24', false],
    ['10.1.2.0/24', '10.0.0.0/8', true],
    ['10.1.2.7/32', '10.1.2.0/24', true],
    ['10.1.2.0/24', '192.168.0.0/16', false],
    ['0.0.0.0/0', '203.0.113.0/24', true],
  ])('%s and %s overlap: %s', (one, other, expected) => {
    expect(overlaps(one, other)).toBe(expected)
    expect(overlaps(other, one)).toBe(expected)
  })

  test('a taken network is no choice, and neither is any inside a wider one', () => {
    const [first = ''] = subnetChoices('/site', [])
    expect(subnetChoices('/site', [`${first}.0/24`])[0]).not.toBe(first)
    expect(subnetChoices('/site', ['10.0.0.0/8'])).toEqual([])
  })

  test('every choice is a /24 of its own in 10.100.0.0–10.199.255.0', () => {
    fc.assert(
      fc.property(fc.string(), root => {
        const choices = subnetChoices(root, [])
        expect(new Set(choices).size).toBe(choices.length)
        for (const choice of choices) expect(choice).toMatch(/^10\.1\d\d\.\d{1,3}$/)
      }),
      { numRuns: 30 },
    )
  })

  test('a host has the same address whichever others there are, unless one of them has it', () => {
    const address = addressIn('10.141.7', 'web1', [])
    expect(addressIn('10.141.7', 'web1', ['10.141.7.2'])).toBe(address)
    expect(addressIn('10.141.7', 'web1', [address])).not.toBe(address)
  })

  test('240 hosts have 240 addresses, and the next is refused', () => {
    const taken: string[] = []
    for (let host = 0; host < 240; host++) taken.push(addressIn('10.141.7', `web${host}`, taken))
    expect(new Set(taken).size).toBe(240)
    expect(() => addressIn('10.141.7', 'web240', taken)).toThrow(/240 hosts at most/)
  })
})
