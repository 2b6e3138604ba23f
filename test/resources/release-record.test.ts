import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { ReleaseApp } from '#engine/resources/release/app.ts'
import { releaseShell } from '#engine/resources/release/script.ts'

const release = '20261122T000000Z-1111111'
let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'capstan-record-'))
  mkdirSync(join(home, 'releases', release, '.capstan'), { recursive: true })
})
afterEach(() => rmSync(home, { recursive: true }))

/** What a host’s shell prints when it records a state of the release, and the states that its log then has. */
function record(state: string) {
  const app = { app: 'foobar', ca: '', warm: false, migrateTimeout: 1, hookTimeout: 1 } as ReleaseApp
  const shell = releaseShell(app, { release, ref: '', how: 'deploy' })
  const own = `BASE='${home}' BY='"ann"' RUN=a\nrecord ${state}\n`
  const said = execFileSync('sh', ['-euc', shell + own]).toString()
  try {
    const lines = readFileSync(join(home, 'releases.jsonl'), 'utf8').trim().split('\n')
    return { said, states: lines.map(line => JSON.parse(line).state) }
  } catch {
    return { said, states: [] }
  }
}

it.each(['failed', 'bad'])('A live release is never recorded as %s.', state => {
  symlinkSync(`releases/${release}`, join(home, 'current'))
  expect(record(state)).toEqual({
    said: `${release} is live: it is not recorded as ${state}\n`,
    states: [],
  })
  expect(record('good')).toEqual({ said: '', states: ['good'] })
})

it.each(['failed', 'bad', 'good'])('Another one is, beside its files as well: %s.', state => {
  expect(record(state)).toEqual({ said: '', states: [state] })
  expect(readFileSync(join(home, 'releases', release, '.capstan/state'), 'utf8')).toBe(`${state}\n`)
})
