import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { launchAndFollow } from '#engine/host/launch.ts'
import { runtimeDirectory, stateDirectory } from '#engine/host/paths.ts'
import { stageScript } from '#engine/host/stage-script.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'capstan-launch-'))
})
afterEach(() => rmSync(folder, { recursive: true }))
const runs = () => join(folder, 'state/runs')

/** Runs a stage on this machine, with its files in the test's folder; gives what it printed. */
function launch(id: string, script: string): string {
  const shell = launchAndFollow({ id, script, orphans: 'wait' }, 0)
    .replaceAll(stateDirectory, join(folder, 'state'))
    .replaceAll(runtimeDirectory, folder)
  // Heartbeats come on 7: none does here, and it is not closed.
  const input = `mkfifo '${folder}/beats'\nexec 7<>'${folder}/beats'\n${shell}`
  return execFileSync('sh', { input }).toString()
}

/** Whether the command line of any process has this text. */
function isRunning(text: string): boolean {
  return readdirSync('/proc').some(pid => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text)
    } catch {
      return false
    }
  })
}

describe('a step that is killed', () => {
  const run = { runId: '20261123T000000Z-2222', who: 'ann@laptop', url: undefined }
  // What it had started goes on for a moment.
  const step = () => `sh -c 'kill -KILL $PPID; sleep 1; echo late >${folder}/late'`
  const marks = (app: string | undefined, shell = step()) =>
    launch(
      run.runId,
      stageScript({
        ...{ id: run.runId, nonce: '0123', run, ...(app && { app }), functions: '', steps: [shell] },
        calls: `perform 0 2>/dev/null; ls ${folder}; mark end 0 "$CODE"; finish 0\n`,
      }).replaceAll(runtimeDirectory, folder),
    )

  it('of a deploy has what it started killed, before anything else is done.', () => {
    expect(marks('foobar')).toMatch(/0123 begin 0\nbeats\nstate\n\n0123 end 0 137/)
    // In this order: it may write as it ends.
    expect(isRunning(join(folder, 'late'))).toBe(false)
    expect(existsSync(join(folder, 'late'))).toBe(false)
  })

  it('leaves running what it began where it only failed.', () => {
    expect(marks(undefined, `{ sleep 1; echo late >${folder}/late; } & return 1`)).toMatch(
      /0123 begin 0\nbeats\nstate\n\n0123 end 0 1\n/,
    )
    const wait = 'until [ -e "$1" ]; do sleep 0.05; done'
    execFileSync('sh', ['-c', wait, 'sh', join(folder, 'late')], { timeout: 20_000 })
  })

  it('of a converge has what it started waited for.', () => {
    expect(marks(undefined)).toMatch(/0123 begin 0\nbeats\nlate\nstate\n\n0123 end 0 137/)
  })
})

/** The logs of earlier runs, by their size in MiB, the oldest first. */
function earlier(...sizes: readonly number[]): readonly string[] {
  return sizes.map((size, index) => {
    const name = `20261122T2000${10 + index}Z-0000`
    mkdirSync(join(runs(), name), { recursive: true })
    const log = join(runs(), name, 'log')
    writeFileSync(log, '')
    truncateSync(log, size * 1024 * 1024)
    return name
  })
}

describe('the logs of earlier runs', () => {
  const id = '20261123T000000Z-1111'

  it.each([
    ['all of them where they are ten of less than 64 MiB', Array(10).fill(6), 10],
    ['ten of many small ones', Array(30).fill(0), 10],
    ['as many as come to less than 64 MiB', [1, 30, 30, 30], 2],
    ['the newest one whatever its size', [1, 100], 1],
  ])('are kept: %s', (_which, sizes, kept) => {
    const names = earlier(...sizes)
    expect(launch(id, 'NONCE=0123\necho it ran\n')).toBe('it ran\n')
    expect(readdirSync(runs()).sort()).toEqual([...names.slice(-kept), id])
  })
})
