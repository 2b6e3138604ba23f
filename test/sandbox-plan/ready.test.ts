import { expect, test } from 'vitest'
import { pauseAfter } from '#engine/sandbox/ready.ts'

test('a host that boots slowly is asked less often than its firewall takes connections', () => {
  const times = [0]
  for (let turn = 0; (times.at(-1) ?? 0) < 60_000; turn++) times.push((times.at(-1) ?? 0) + pauseAfter(turn))
  expect(times.length).toBeLessThan(55)
  // And one that boots fast is found soon.
  expect(times.filter(time => time < 1000).length).toBeGreaterThan(8)
})
