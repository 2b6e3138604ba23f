import { basename } from 'node:path'
import { quote, quoteAll } from '#engine/quote.ts'
import { checkedMatch } from './checked.ts'
import { type CommandOptions, declareCommand } from './command.ts'
import type { Declare, RolePlace } from './resource.ts'
import { readRoleFile } from './role-file.ts'
import { here } from './shell.ts'

export interface ScriptOptions extends CommandOptions {
  readonly args?: readonly string[]
}

/** `script('files/setup.sh', { args: ['--quiet'], creates: '/srv/ready' })`: a file of the role, run by its `#!` line. */
export function script(declare: Declare, role: RolePlace) {
  return (file: string, { args = [], ...options }: ScriptOptions = {}): void => {
    const content = readRoleFile(role, file)
    const name = checkedMatch('a script named by letters, digits, dots, - and _', /[\w.-]+/, basename(file))
    // By its interpreter, as /run may be mounted without leave to execute.
    const run = `${interpreter(content)} "$script"/${name} ${quoteAll(args)}`
    const prepare = `script=$(mktemp -d /run/capstan-script.XXXXXX); trap 'rm -rf -- "$script"' EXIT
${here(`cat >"$script"/${name}`, content)}chmod 0700 "$script"/${name}
${options.as === undefined ? '' : `chown -R ${quote(`${options.as}:`)} "$script"\n`}`
    declareCommand(declare, 'script', [file, ...args].join(' '), { options, prepare, run: run.trim() })
  }
}

/** `#!/usr/bin/env python3` → the two words; `/bin/sh` where a file has no such line. Source: execve(2). */
function interpreter(content: Buffer): string {
  const [, program, argument] = /^#! *([^\s]+)(?:[ \t]+([^\n]*\S))?/.exec(content.toString('latin1')) ?? []
  return quoteAll(
    program === undefined ? ['/bin/sh'] : argument === undefined ? [program] : [program, argument],
  )
}
