import { files } from './files.ts'
import { type RuntimeName, runtimeName } from './kinds.ts'
import { node } from './node.ts'
import { php } from './php.ts'
import { program } from './program.ts'
import { python } from './python.ts'
import type { Runtime, RuntimeInput } from './runtime.ts'

const runtimes: Readonly<Record<RuntimeName, (input: RuntimeInput) => Runtime>> = {
  php,
  python,
  node,
  program,
  static: files,
}

/** What runs the app of a site. */
export function runtimeOf(input: RuntimeInput): Runtime {
  return runtimes[runtimeName(input.site)](input)
}
