import { spawn } from 'node:child_process'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { project } from '../inventory/project.ts'

const root = resolve(import.meta.dirname, '../..')

interface Ended {
  readonly exitCode: number | null
  readonly said: string
}

/** A process to its end, or to its death after 30 s (exit code null). What it says is answered by `answer`. */
function ended(
  command: string,
  args: readonly string[],
  answer: (said: string) => string | undefined = () => undefined,
) {
  return new Promise<Ended>(resolve => {
    const child = spawn(command, args, { cwd: root, env: { ...process.env, CAPSTAN_SUDO_PASSWORD: '' } })
    const timer = setTimeout(() => child.kill('SIGKILL'), 30_000)
    let said = ''
    const onData = (chunk: Buffer) => {
      said += chunk.toString()
      const typed = answer(said)
      if (typed !== undefined) child.stdin.write(typed)
    }
    child.stdout.on('data', onData)
    child.stderr.on('data', onData)
    child.on('close', exitCode => {
      clearTimeout(timer)
      resolve({ exitCode, said })
    })
  })
}

function localHost(): string {
  const text = 'hosts:\n  here: { connection: local, sudo: false }\n'
  return join(project({ 'inventory/here.yml': text }), 'inventory/here.yml')
}

test('run.mjs ends once its command has run longer than its deadline.', async () => {
  const args = ['scripts/run.mjs', '-i', localHost(), '--deadline', '0.3', 'here', '--', 'sleep 300']
  const { exitCode, said } = await ended(process.execPath, args)
  expect(said).toContain('longer than its deadline of 0.3 s')
  expect(exitCode).toBe(1)
})

describe('At the prompt of -K', () => {
  // script(1) gives the process a terminal of its own and exits as it does.
  const asked = (key: string) => {
    const command = `${process.execPath} scripts/run.mjs -i ${localHost()} -K here -- echo done`
    let typed = false
    return ended('script', ['-qfec', command, '/dev/null'], said => {
      if (typed || !said.includes('sudo password: ')) return undefined
      typed = true
      return key
    })
  }

  test('^C ends the command with 130 and no explanation.', async () => {
    const { exitCode, said } = await asked('\x03')
    expect(said.trim()).toBe('sudo password:')
    expect(exitCode).toBe(130)
  })

  test('^D is no password.', async () => {
    const { exitCode, said } = await asked('\x04')
    expect(said).toContain('-K: expected a password, got nothing')
    expect(exitCode).toBe(2)
  })

  test('what is typed is not shown, and the command runs.', async () => {
    const { exitCode, said } = await asked('hunter2\r')
    expect(said).toMatch(/\ndone\r?\n/)
    expect(said).not.toContain('hunter2')
    expect(exitCode).toBe(0)
  })
})
