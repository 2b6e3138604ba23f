import { describe, expect, it } from 'vitest'
import { othersRunning } from '#engine/deploy/candidate.ts'
import { withContent } from '#engine/deploy/candidates.ts'
import type { AppState } from '#engine/deploy/inspect.ts'
import { readReleases } from '#engine/deploy/release.ts'

const sha256 = '1'.repeat(64)
const first = '20261121T000000Z-1111111'
const copy = '20261122T000000Z-1111111'
const facts = { sha256, by: 'ann', files: 1, bytes: 1 }
const line = (release: string, state: 'built' | 'live' | 'good' | 'failed', how: 'deploy' | 'restart') => ({
  ...{ release, state, how, at: '2026-11-22T00:00:00Z', by: 'ann', run: 'a' },
})

/** A host with a release and a copy of it that a run made to take its place. */
function state(current: string | undefined, ofCopy: 'built' | 'failed'): AppState {
  const releases = readReleases(
    [
      { id: first, ...facts },
      { id: copy, ...facts, copyOf: first },
    ],
    [
      line(first, 'live', 'deploy'),
      line(first, 'good', 'deploy'),
      line(copy, 'built', 'restart'),
      line(copy, ofCopy, 'restart'),
    ],
  )
  return { current, releases, running: [first, copy] } as unknown as AppState
}

describe('a copy of the live release that a killed run left', () => {
  it.each(['built', 'failed'] as const)(
    'and that is %s is not taken for the live one, and is ended',
    ofCopy => {
      const found = state(first, ofCopy)
      const release = withContent(found, sha256)
      expect(release?.id).toBe(first)
      const candidate = { deploy: { settings: { warm: false } }, state: found, release }
      expect(othersRunning(candidate as unknown as Parameters<typeof othersRunning>[0])).toEqual([copy])
    },
  )

  it('is not what a deploy of its content goes back to, where the good one is there', () => {
    expect(withContent(state('20261123T000000Z-2222222', 'failed'), sha256)?.id).toBe(first)
  })
})
