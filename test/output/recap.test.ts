import { expect, test } from 'vitest'
import { noColours } from '#engine/output/paint.ts'
import { recapLines } from '#engine/output/recap.ts'

test('The recap is aligned over all hosts.', () => {
  const recap = { ok: 57, changed: 0, unreachable: 0, failed: 0, skipped: 2, trips: 2, seconds: 0.41 }
  const other = { ...recap, ok: 8, changed: 120, failed: 1, trips: 14, seconds: 103.5 }
  expect(recapLines({ web1: recap, loadbalancer: other }, noColours)).toEqual([
    'web1         : ok=57 changed=0   unreachable=0 failed=0 skipped=2   trips=2     0.41 s',
    'loadbalancer : ok=8  changed=120 unreachable=0 failed=1 skipped=2   trips=14  103.50 s',
  ])
  expect(recapLines({}, noColours)).toEqual([])
})
