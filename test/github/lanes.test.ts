import fc from 'fast-check'
import { expect, it } from 'vitest'
import { openLanes } from '#engine/github/lanes.ts'

function record() {
  const log: string[] = []
  const lanes = openLanes({
    lines: lines => log.push(...lines),
    open: title => log.push(`[${title}`),
    close: () => log.push(']'),
  })
  return { log, lanes }
}

it('tells one host as it happens', () => {
  const { log, lanes } = record()
  lanes.within('web1', 'nginx', ['a'])
  expect(log).toEqual(['[nginx', 'a'])
  lanes.within('web1', 'nginx', ['b'])
  lanes.tell('web1', ['c'])
  expect(log).toEqual(['[nginx', 'a', 'b', ']', 'c'])
})

it('holds others back until the open group ends, each group whole', () => {
  const { log, lanes } = record()
  lanes.within('web1', 'one', ['1a'])
  lanes.within('web2', 'two', ['2a'])
  lanes.tell('web3', ['3'])
  lanes.within('web1', 'one', ['1b'])
  lanes.close('web1')
  lanes.within('web2', 'two', ['2b'])
  lanes.closeAll()
  expect(log).toEqual(['[one', '1a', '1b', ']', '[two', '2a', '2b', ']', '3'])
})

const act = fc.record({
  host: fc.constantFrom('a', 'b', 'c'),
  what: fc.constantFrom('tell', 'one', 'two', 'close'),
})

it('never nests groups, loses no line, and keeps the order of each host', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), acts => {
      const { log, lanes } = record()
      acts.forEach(({ host, what }, index) => {
        const line = `${host}${index}`
        if (what === 'tell') lanes.tell(host, [line])
        else if (what === 'close') lanes.close(host)
        else lanes.within(host, `${host} ${what}`, [line])
      })
      lanes.closeAll()
      let open: string | undefined
      for (const line of log) {
        if (line.startsWith('[')) {
          expect(open).toBeUndefined()
          open = line[1]
        } else if (line === ']') open = undefined
        else if (open !== undefined) expect(line[0]).toBe(open)
      }
      expect(open).toBeUndefined()
      for (const host of ['a', 'b', 'c']) {
        const wanted = acts.flatMap((one, index) =>
          one.host === host && one.what !== 'close' ? [`${host}${index}`] : [],
        )
        expect(log.filter(line => line.startsWith(host))).toEqual(wanted)
      }
    }),
  )
})
