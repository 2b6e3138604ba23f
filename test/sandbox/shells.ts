import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { quote } from '#engine/quote.ts'

/** What a command on the host gave, decoded. */
export interface Said {
  /** Absence means that it was killed, or its shell ended. */
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** POSIX shells that stay open for one script after the other; scripts that run at once have one each. */
export class Shells {
  readonly #program: string
  readonly #args: readonly string[]
  readonly #idle: Shell[] = []
  readonly #all = new Set<Shell>()

  /** How a shell is started that reads its commands from stdin. */
  constructor(program: string, args: readonly string[]) {
    this.#program = program
    this.#args = args
  }

  /** Runs the script in a subshell without stdin; its shell is killed after `seconds`. */
  async run(script: string, seconds: number): Promise<Said> {
    const shell = this.#idle.pop() ?? this.#start()
    const timer = setTimeout(shell.kill, seconds * 1000)
    const said = await shell.run(script)
    clearTimeout(timer)
    if (shell.ended) this.#all.delete(shell)
    else this.#idle.push(shell)
    return said
  }

  close(): void {
    for (const shell of this.#all) shell.kill()
  }

  #start(): Shell {
    const shell = new Shell(spawn(this.#program, this.#args))
    this.#all.add(shell)
    return shell
  }
}

class Shell {
  ended = false
  readonly #child: ChildProcessWithoutNullStreams
  readonly #end = `\n${randomBytes(12).toString('hex')} `
  #stdout = ''
  #stderr = ''
  #settle = () => {}

  constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text
      this.#settle()
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
      this.#settle()
    })
    child.stdin.on('error', () => {})
    child.on('error', error => {
      this.#stderr += error.message
    })
    child.on('close', () => {
      this.ended = true
      this.#settle()
    })
  }

  readonly kill = () => {
    this.#child.kill('SIGKILL')
  }

  run(script: string): Promise<Said> {
    const mark = quote(this.#end)
    const told = `printf '%s%s\\n' ${mark} $?; printf %s ${mark} >&2`
    this.#child.stdin.write(`( eval ${quote(script)} ) </dev/null; ${told}\n`)
    return new Promise(resolve => {
      this.#settle = () => {
        const [stdout = '', code] = this.#stdout.split(this.#end)
        const [stderr = '', rest] = this.#stderr.split(this.#end)
        const isDone = code?.endsWith('\n') && rest !== undefined
        if (!isDone && !this.ended) return
        this.#stdout = ''
        this.#stderr = ''
        this.#settle = () => {}
        resolve({ exitCode: isDone ? Number(code) : null, stdout, stderr })
      }
      this.#settle()
    })
  }
}
