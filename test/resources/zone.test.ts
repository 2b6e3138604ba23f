import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { nextSerial, serialOf, zones } from '#engine/resources/zone.ts'
import { answeredSerial, raisedSerial } from '#engine/resources/zone-serial.ts'

const file = (serial: number, address = '192.0.2.1') =>
  `; a comment 7\n$ORIGIN foobar.com.\n@ IN SOA ns1.foobar.com. john\\.doe.foobar.com. (\n  ${serial} ; serial\n  3600 900 1209600 300\n)\n@ IN A ${address}\n`

const wanted = {
  name: 'foobar.com',
  file: '/etc/powerdns/zones/foobar.com.zone',
  at: '127.0.0.1',
  text: file(0),
}
const found = { type: 'file', access: '0644 root:root', text: file(40), served: '40', stamp: 50 } as const

describe('the serial of a zone', () => {
  it.each([
    ['ours', file(2026112201), 2026112201],
    ['one line', '@ IN SOA ns1 host 12 3600 900 1209600 300\n', 12],
    ['a comment before it', '@ SOA ns1 host ( ; 99 bottles\n ; 98\n 12\n 3600 )\n', 12],
    ['none', '@ IN A 192.0.2.1\n', undefined],
    ['nothing', '', undefined],
  ])('is read from %s', (_, text, serial) => {
    expect(serialOf(text)).toBe(serial)
  })

  it.each([
    ['the date, on a new host', { text: '', served: 'nothing', stamp: 2026112250 }, 2026112250],
    [
      'the date, on a later day',
      { text: file(2026112250), served: '2026112250', stamp: 2026112301 },
      2026112301,
    ],
    ['one more, in the same quarter of an hour', { text: file(50), served: '50', stamp: 50 }, 51],
    [
      'one more, where the clock went back',
      { text: file(2099010100), served: '2099010100', stamp: 50 },
      2099010101,
    ],
    ['above what is served, where an old file came back', { text: file(10), served: '70', stamp: 50 }, 71],
    ['above what is served, where the file is lost', { text: '', served: '70', stamp: 50 }, 71],
    ['1 after the last', { text: file(0xffff_ffff), served: 'refused', stamp: 50 }, 1],
  ])('becomes %s', (_, state, next) => {
    expect(nextSerial(state)).toBe(next)
  })

  it.each([
    ['one more than the file’s', 3_000_000_000, 'nothing'],
    ['one more than the served one', 10, '3000000000'],
    ['the date', 10, 'refused'],
    ['1 after the last', 0xffff_ffff, 'nothing'],
  ])('is raised by perl on the host by the same rules: %s', (_, serial, served) => {
    const program = `${answeredSerial}${raisedSerial}print stamp(), "\n", raised(join("", <STDIN>), $ARGV[0])`
    const said = execFileSync('perl', ['-e', program, '--', served], { input: file(serial) }).toString()
    const [stamp = '', ...lines] = said.split('\n')
    const next = nextSerial({ text: file(serial), served, stamp: Number(stamp) })
    expect(lines.join('\n')).toBe(`${file(next)}${next}`)
  })
})

describe('a file that perl replaces', () => {
  const folder = mkdtempSync(join(tmpdir(), 'capstan-zone-'))
  const write = (path: string) =>
    spawnSync('perl', ['-e', `${raisedSerial}write_file($ARGV[0], "new\n")`, '--', path]).status
  afterAll(() => rmSync(folder, { recursive: true }))

  it('is whole, or as it was where it cannot be written', () => {
    const path = join(folder, 'a.zone')
    writeFileSync(path, 'old\n')
    expect(write(path)).toBe(0)
    expect(readFileSync(path, 'utf8')).toBe('new\n')
    mkdirSync(join(folder, 'b.zone'))
    expect(write(join(folder, 'b.zone'))).not.toBe(0)
    expect(write('/dev/full/c.zone')).not.toBe(0)
    expect(readdirSync(folder).sort()).toEqual(['a.zone', 'b.zone'])
  })
})

describe('a zone', () => {
  it('is as wanted whatever its serial, as long as that is served', () => {
    expect(zones.diff(wanted, found)).toEqual([])
    expect(zones.diff(wanted, { ...found, text: file(7), served: '7' })).toEqual([])
  })

  it.each([
    ['another content', { text: file(40, '192.0.2.2') }, 'content', 'serial 40', 'serial 50'],
    ['no file', { type: 'absent', text: '', access: '', served: 'refused' }, 'state', 'absent', 'file'],
    ['a file without a serial', { text: 'x\n' }, 'content', 'serial none', 'serial 50'],
    ['an old file', { served: '70' }, 'serial', '40, 70 is served', '71'],
    ['a server that did not read it', { served: '39' }, 'served serial', '39', '40'],
    ['a server that is down', { served: 'nothing' }, 'served serial', 'nothing', '40'],
    ['other rights', { access: '0666 root:root' }, 'access', '0666 root:root', '0644 root:root'],
  ])('differs with %s', (_, other, what, was, will) => {
    expect(zones.diff(wanted, { ...found, ...other } as typeof found)).toMatchObject([
      { what, found: was, wanted: will },
    ])
  })

  it('is written with its next serial when its content differs, and only then', () => {
    const changed = zones.apply(wanted, { ...found, text: file(40, '192.0.2.2') })
    expect(fed(changed)).toBe(file(50))
    const unread = zones.apply(wanted, { ...found, served: '39' })
    expect(unread).not.toContain('put ')
  })

  it('shows its text with the serial that it gets', () => {
    const [difference] = zones.diff(wanted, { ...found, text: file(40, '192.0.2.2') })
    expect(difference?.text).toEqual({ before: file(40, '192.0.2.2'), after: file(50) })
  })
})

/** What the here-document in a piece of shell holds. */
function fed(shell: string): string {
  return shell.slice(shell.indexOf('\n') + 1).replace(/END_\w+\n$/, '')
}
