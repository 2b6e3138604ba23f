import { killScript } from '#engine/connection/kill.ts'
import { openLocal } from '#engine/connection/local.ts'
import { cleanShell } from '#engine/connection/preamble.ts'
import { Session } from '#engine/connection/session.ts'
import { UnreachableError } from '#engine/errors.ts'

/** The shells that may be a Debian host's /bin/sh. */
export const shells = ['dash', 'bash --posix'] as const

/** A session over a shell of this machine; its deadline kills by a shell of its own. */
export function openSession(shell: string): Session {
  return new Session(openLocal(`exec ${cleanShell(`exec ${shell}`)}`, '/bin/sh'), {
    host: 'here',
    explain: (end, said) => new UnreachableError('test', `ended with ${end.exitCode}: ${said}`),
    kill: async (pid, keep) => {
      const killer = openSession('dash')
      const { exitCode } = await killer.run(killScript(pid, keep))
      killer.close()
      return exitCode === 0
    },
  })
}
