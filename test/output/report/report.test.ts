import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { openReport } from '#engine/output/report/report.ts'
import { recap, run } from '../record.ts'

const folder = mkdtempSync(join(tmpdir(), 'capstan-report-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function opened(path: string) {
  const report = openReport(path)
  onTestFinished(() => void report.end())
  return report
}

const titleOf = (path: string) => /<title>(.*)<\/title>/.exec(readFileSync(path, 'utf8'))?.[1]
const names = (at = folder) => readdirSync(at).sort()

describe('A report', () => {
  test('is there from the beginning, is replaced at the end, and only its owner can read it.', () => {
    const path = join(folder, 'new.html')
    const report = opened(path)
    expect(titleOf(path)).toBe('run: has not ended')
    const { ino } = statSync(path)
    report.on(run)
    report.on(recap)
    expect(report.end()).toBeUndefined()
    expect(titleOf(path)).toBe('site: nothing changed')
    expect(statSync(path).ino).not.toBe(ino)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(names()).toEqual(['new.html'])
  })

  test('replaces the file that a link leads to, and not the link.', () => {
    const there = join(folder, 'there')
    mkdirSync(there)
    writeFileSync(join(there, 'target.html'), 'before')
    const link = join(folder, 'link.html')
    symlinkSync(join(there, 'target.html'), link)
    opened(link).end()
    expect(titleOf(join(there, 'target.html'))).toBe('run: nothing changed')
    expect(names(there)).toEqual(['target.html'])
    expect(readFileSync(link, 'utf8')).toContain('<title>')
  })

  test.each([
    ['', '--report: expected the path of a file, got ""'],
    ['/dev/null', '--report: expected the path of a file, got /dev/null, which is not a file'],
    [folder, `--report: expected the path of a file, got ${folder}, which is not a file`],
    [join(folder, 'none/x.html'), /^--report: .*none\/x\.html can’t be written: ENOENT/],
    ['/proc/report.html', /^--report: \/proc\/report\.html can’t be written: /],
  ])('is refused where it can’t be written: %s', (path, message) => {
    expect(() => openReport(path)).toThrow(
      expect.objectContaining({ exitCode: 2, message: expect.stringMatching(message) }),
    )
  })

  test('is refused where its path is a link to nothing.', () => {
    const link = join(folder, 'dangling.html')
    symlinkSync(join(folder, 'none/x.html'), link)
    expect(() => openReport(link)).toThrow('which is a link to nothing')
    expect(lstatSync(link).isSymbolicLink()).toBe(true)
  })

  test('says why it could not be written at the end.', () => {
    const gone = join(folder, 'gone')
    mkdirSync(gone)
    const report = opened(join(gone, 'x.html'))
    rmSync(gone, { recursive: true })
    expect(report.end()).toMatchObject({
      code: 'report',
      exitCode: 1,
      message: expect.stringContaining('ENOENT'),
    })
  })

  test.each([
    ['SIGINT', '', 'site: interrupted by SIGINT'],
    ['SIGTERM', '', 'site: interrupted by SIGTERM'],
    ['SIGHUP', '', 'site: interrupted by SIGHUP'],
    [undefined, 'process.exit(3)', 'site: has not ended'],
    [undefined, 'throw new Error("a bug")', 'site: has not ended'],
    [undefined, 'Promise.reject(new Error("a bug"))', 'site: has not ended'],
  ] as const)('is written when the process ends by %s%s.', async (signal, code, title) => {
    const path = join(folder, `ended-${signal ?? code.slice(0, 5)}.html`)
    const script = `
      import { require } from './scripts/typescript.mjs'
      const { openReport } = require('#engine/output/report/report.ts')
      openReport(${JSON.stringify(path)}).on(${JSON.stringify(run)})
      console.log('open')
      setTimeout(() => {}, 60_000)
      ${code}`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    if (signal) child.stdout.once('data', () => child.kill(signal))
    const [, killedBy] = await once(child, 'close')
    expect(killedBy).toBe(signal ?? null)
    expect(titleOf(path)).toBe(title)
  })
})
