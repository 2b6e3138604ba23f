import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type AptStatus, aptStatusReader } from '#engine/converge/apt-status.ts'

// As apt 2.6 prints it: the download, then what dpkg does, between lines that dpkg prints itself.
const printed = `dlstatus:1:0:Retrieving file 1 of 2
dlstatus:2:71.4286:Retrieving file 2 of 2 (1s remaining)
Selecting previously unselected package nginx.
pmstatus:dpkg-exec:0.0000:Running dpkg
pmstatus:libc6:amd64:40.0000:Unpacking libc6:amd64 (amd64)
Setting up nginx (1.22.1-9+deb12u3) ...
pmstatus:nginx:100.0000:Installed nginx (amd64)
pmstatus: is what a script may print too
`
const text = `Selecting previously unselected package nginx.
Setting up nginx (1.22.1-9+deb12u3) ...
pmstatus: is what a script may print too
`
const statuses: readonly AptStatus[] = [
  { doing: 'Retrieving file 1 of 2', percent: 0 },
  { doing: 'Retrieving file 2 of 2 (1s remaining)', percent: 71.4286 },
  { doing: 'Running dpkg', percent: 0 },
  { doing: 'Unpacking libc6:amd64 (amd64)', percent: 40 },
  { doing: 'Installed nginx (amd64)', percent: 100 },
]

function readIn(pieces: readonly string[]) {
  const seen: AptStatus[] = []
  const reader = aptStatusReader(status => seen.push(status))
  const kept = pieces.map(piece => reader.read(piece)).join('') + reader.rest()
  return { seen, kept }
}

test('Status lines are taken out of what apt prints, in pieces of any size, and the rest is kept.', () => {
  const cuts = fc.uniqueArray(fc.nat(printed.length), { maxLength: 40 })
  fc.assert(
    fc.property(cuts, at => {
      const ends = [...at.sort((a, b) => a - b), printed.length]
      const pieces = ends.map((end, index) => printed.slice(ends[index - 1] ?? 0, end))
      const { seen, kept } = readIn(pieces)
      expect(kept).toBe(text)
      // One that is cut in the middle of its text is seen as far as it came, too.
      const all = seen.filter(({ doing }) => statuses.some(status => status.doing === doing))
      expect([...new Set(all.map(status => JSON.stringify(status)))]).toEqual(
        statuses.map(status => JSON.stringify(status)),
      )
    }),
  )
})

test('A status is seen before its line has ended.', () => {
  expect(readIn(['pmstatus:nginx:40.0:Unpacking nginx'])).toEqual({
    seen: [{ doing: 'Unpacking nginx', percent: 40 }],
    kept: '',
  })
})

test('What only begins like a status line is kept, at the end too.', () => {
  expect(readIn(['pmsta']).kept).toBe('pmsta')
  expect(readIn(['a pmstatus:x:1:y\n', 'pm', 'x\n'])).toEqual({ seen: [], kept: 'a pmstatus:x:1:y\npmx\n' })
  const long = `dlstatus:${'x'.repeat(5000)}`
  expect(readIn([long]).kept).toBe(long)
})
