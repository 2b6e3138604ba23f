import { expect, test } from 'vitest'
import { seconds, type Timeout } from '#engine/script/seconds.ts'

test.each<[Timeout, number]>([
  [60, 60],
  [0.5, 0.5],
  ['500ms', 0.5],
  ['30s', 30],
  ['5m', 300],
])('A timeout of %s is %d seconds.', (timeout, expected) => {
  expect(seconds(timeout)).toBe(expected)
})

test.each(['5 s', 'soon', '', 0, -1, Number.NaN, null, {}])('A timeout of %j is refused.', timeout => {
  expect(() => seconds(timeout as Timeout)).toThrow("timeout: expected seconds or a time such as '30s', got")
})
