import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openPrinter } from '#engine/command/printer.ts'
import type { Event } from '#engine/output/events.ts'
import { nginxConf } from '../output/record.ts'

const root = resolve(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'capstan-report-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const inventory = join(folder, 'here.json')
const nowhere = { address: '127.0.0.1', port: 1, known_hosts: '/dev/null' }
writeFileSync(inventory, JSON.stringify({ hosts: { here: { connection: 'local', sudo: false }, nowhere } }))

interface Ended {
  readonly exitCode: number | null
  readonly said: string
}

/** A script of scripts/ to its end; `on` gets what it prints. */
function ended(
  script: string,
  args: readonly string[],
  on: (said: string, kill: (signal: NodeJS.Signals) => void) => void = () => {},
) {
  return new Promise<Ended>(done => {
    const argv = [join(root, `scripts/${script}.mjs`), '-i', inventory, ...args]
    const child = spawn(process.execPath, argv, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    const onData = (chunk: Buffer) => {
      said += chunk.toString()
      on(said, signal => child.kill(signal))
    }
    child.stdout.on('data', onData)
    child.stderr.on('data', onData)
    child.on('close', exitCode => done({ exitCode, said }))
  })
}

const titleOf = (path: string) => /<title>(.*)<\/title>/.exec(readFileSync(path, 'utf8'))?.[1]
const dataOf = (path: string) =>
  JSON.parse(/id="data">(.*)<\/script>/.exec(readFileSync(path, 'utf8'))?.[1] ?? '')

test.each(['site', 'deploy', 'rollback', 'run'])(
  '%s.mjs refuses a report that can’t be written, and contacts no host.',
  async script => {
    const path = join(folder, 'none/report.html')
    const more = script === 'run' ? ['all', '--', 'true'] : []
    const { exitCode, said } = await ended(script, ['--report', path, ...more])
    expect(said).toMatch(/^error {4}--report: .*none\/report\.html can’t be written: ENOENT/)
    expect(said).not.toContain('nowhere')
    expect(exitCode).toBe(2)
  },
)

test('A script’s report has its commands, and the host that is unreachable.', async () => {
  const path = join(folder, 'run.html')
  const { exitCode } = await ended('run', ['--report', path, 'all', '--', 'echo hello'])
  expect(exitCode).toBe(4)
  expect(titleOf(path)).toBe('run on here.json: 1 of 2 hosts is unreachable')
  const { texts, resources, errors } = dataOf(path)
  expect(resources.map(([, resource = '']: readonly string[]) => resource)).toContain("sh -c 'echo hello'")
  expect(texts).toContain('hello')
  expect(errors).toHaveLength(1)
})

test('Texts that differ are in the report, and printed with --diff alone.', async () => {
  for (const diff of [false, true]) {
    const [printed, reported]: [string[], Event[]] = [[], []]
    const stream = { write: (text: string) => printed.push(text) > 0 } as unknown as NodeJS.WriteStream
    const report = { on: (event: Event) => void reported.push(event), end: () => undefined }
    const printer = await openPrinter({ stream, json: true, diff, report, env: {} })
    printer.on({ event: 'planned', host: 'web1', ...nginxConf })
    expect(reported).toMatchObject([{ differences: nginxConf.differences }])
    expect(printed.join('').includes('server_tokens')).toBe(diff)
  }
})

test('A run that is interrupted has its report.', async () => {
  const path = join(folder, 'interrupted.html')
  let isKilled = false
  const { exitCode } = await ended(
    'run',
    ['-vvv', '--report', path, 'here', '--', 'sleep 300'],
    (said, kill) => {
      if (isKilled || !said.includes('begun')) return
      isKilled = true
      kill('SIGINT')
      setTimeout(() => kill('SIGINT'), 500)
    },
  )
  expect(exitCode).toBe(130)
  expect(titleOf(path)).toBe('run on here.json: interrupted by SIGINT')
})

test('A report that can’t be written at the end is an error of the run.', async () => {
  const gone = mkdtempSync(join(folder, 'gone-'))
  const { exitCode, said } = await ended('run', [
    '--report',
    join(gone, 'x.html'),
    'here',
    '--',
    `rm -r ${gone}`,
  ])
  expect(said).toMatch(/error {4}.*x\.html: the report could not be written: ENOENT/)
  expect(exitCode).toBe(1)
  expect(existsSync(gone)).toBe(false)
})
