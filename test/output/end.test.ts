import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Screen } from './screen.ts'

/** Runs a process that draws a live view, sends it `signal` once the view stands, and gives how it ended. */
async function interrupted(signal: NodeJS.Signals, more = '') {
  const script = `
    import { require } from './scripts/typescript.mjs'
    const { choosePrinter } = require('#engine/output/printers.ts')
    const stream = { isTTY: true, columns: 60, rows: 20, write: text => process.stdout.write(text) }
    const printer = choosePrinter({ stream, env: {} })
    printer.on({ event: 'run', command: 'site', hosts: ['web1'], check: false })
    ${more}
    setTimeout(() => {}, 60_000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const screen = new Screen(60)
  let signalled = false
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen.write(text)
    if (signalled || !screen.lines().some(line => line.includes('connecting'))) return
    signalled = true
    child.kill(signal)
  })
  const [code, killedBy] = await once(child, 'close')
  return { code, killedBy, lines: screen.lines() }
}

describe('A live view whose process ends', () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'by %s is taken away, and the signal still kills.',
    async signal => {
      const { killedBy, lines } = await interrupted(signal)
      expect(killedBy).toBe(signal)
      expect(lines).toEqual(['site: web1'])
    },
  )

  test.each(['SIGTERM', 'SIGHUP'] as const)(
    'by %s with a report besides is killed as well.',
    async signal => {
      const folder = mkdtempSync(join(tmpdir(), 'capstan-end-'))
      const path = join(folder, 'report.html')
      const { killedBy, lines } = await interrupted(
        signal,
        `const { openReport } = require('#engine/output/report/report.ts')
      openReport(${JSON.stringify(path)})`,
      )
      const title = /<title>(.*)<\/title>/.exec(readFileSync(path, 'utf8'))?.[1]
      rmSync(folder, { recursive: true })
      expect(killedBy).toBe(signal)
      expect(lines).toEqual(['site: web1'])
      expect(title).toBe(`run: interrupted by ${signal}`)
    },
  )

  test('by an exit in a handler of its own shows what was printed until then.', async () => {
    const { code, lines } = await interrupted(
      'SIGINT',
      `process.on('SIGINT', () => {
        printer.on({ event: 'warning', message: 'stopping' })
        process.exit(130)
      })`,
    )
    expect(code).toBe(130)
    expect(lines).toEqual(['site: web1', '      warning  stopping'])
  })
})
