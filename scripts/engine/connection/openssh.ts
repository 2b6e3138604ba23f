import { UnreachableError } from '../errors.ts'
import { run } from '../program.ts'

export interface ToolOutcome {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs one of OpenSSH's own tools on this machine, or a line of sh that does. Throws UnreachableError if it is not installed. */
export async function openssh(
  tool: 'ssh' | 'ssh-keygen' | 'sh',
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ToolOutcome> {
  const { code, stdout, stderr } = await run(tool, args, { env, deadline: 30 })
  if (code !== null && code !== 127) return { exitCode: code, stdout, stderr }
  const why = code === null ? 'it did not end within 30 s' : stderr.trim()
  throw new UnreachableError('ssh-missing', `${tool} does not run on this machine: ${why}`, {
    hint: "Install OpenSSH's client: apt-get install openssh-client.",
  })
}
