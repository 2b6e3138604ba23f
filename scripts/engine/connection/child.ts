import { execFile } from 'node:child_process'
import { UnreachableError } from '../errors.ts'

export interface ChildOutcome {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs one of OpenSSH's own tools on this machine, or a line of sh that does. Throws UnreachableError where it is not installed. */
export function openssh(
  tool: 'ssh' | 'ssh-keygen' | 'sh',
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<ChildOutcome> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...environment }
    const options = { timeout: 30_000, maxBuffer: 16 * 1024 * 1024, encoding: 'utf8', env } as const
    const child = execFile(tool, [...args], options, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') return reject(missing(tool, error))
      const exitCode = error === null ? 0 : Number(error.code)
      resolve({ exitCode, stdout, stderr })
    })
    child.stdin?.end()
  })
}

function missing(tool: string, cause: Error): UnreachableError {
  return new UnreachableError('ssh-missing', `${tool} does not run on this machine: ${cause.message}`, {
    hint: "Install OpenSSH's client: apt-get install openssh-client.",
    cause,
  })
}
