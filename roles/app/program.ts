import { listening } from './listening.ts'
import type { Runtime, RuntimeInput } from './runtime.ts'
import { commandLine } from './workers.ts'

/** Any program that serves HTTP for each release: a compiled binary, puma, a server of another language. */
export function program({ vars, site }: RuntimeInput): Runtime {
  const { command, listens } = vars.program
  const [first = ''] = command
  const start = `ExecStart=${commandLine(command, `/srv/www/${site.app}/releases/%i`)}`
  const { files, test, port, packages, service } = listening({ app: site.app, entry: first, listens, start })
  return {
    // A program of the system is in no release.
    entry: first.includes('/') && !first.startsWith('/') ? first : '.',
    upstream: 'http',
    packages: [...packages, ...vars.program.packages],
    masked: [],
    folders: [],
    config: { files, test },
    port,
    common: [],
    service,
    allowed: [],
  }
}
