import { readVariables, setVariables } from '#engine/app/environment.ts'
import { restartRelease } from '#engine/deploy/restart.ts'
import { UsageError } from '#engine/errors.ts'
import type { ReachableHost } from '#engine/run/reach.ts'
import type { AppDefinition } from '#engine/run/release-hosts.ts'
import { typedSecret } from './ask.ts'
import type { CommandInput } from './main.ts'
import type { ReleaseRun } from './release-run.ts'

/** Variables by name; undefined: one that is taken away. */
export type Changes = ReadonlyMap<string, string | undefined>

/** The variables that are set, or taken away. A value that is not given is read from stdin, or typed. */
export async function changesOf(
  { what, words }: { readonly what: string; readonly words: readonly string[] },
  reserved: AppDefinition['reservedVariable'],
): Promise<Changes> {
  const changes = new Map<string, string | undefined>()
  const asked = what === 'set' ? words.filter(word => !word.includes('=')) : []
  if (asked.length > 1 && !process.stdin.isTTY)
    throw new UsageError('usage', `env set: stdin has one value, got ${asked.join(' and ')}`, {
      hint: 'Set them one after the other.',
    })
  for (const word of words) {
    const at = what === 'set' ? word.indexOf('=') : -1
    const name = at === -1 ? word : word.slice(0, at)
    const wrong = (why: string) => new UsageError('usage', `env ${what}: ${why}`)
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name))
      throw wrong(`expected a variable’s name of letters, digits and _, got ${JSON.stringify(name)}`)
    const why = reserved(name)
    if (why !== undefined) throw wrong(`expected another name than ${name}, which ${why}`)
    if (what === 'unset') {
      changes.set(name, undefined)
      continue
    }
    const value = at === -1 ? (await typedSecret(`value of ${name}: `)).reveal() : word.slice(at + 1)
    if (/[\p{Cc}\p{Cs}]/u.test(value)) throw wrong(`${name}: expected a value of one line`)
    changes.set(name, value)
  }
  return changes
}

/** Sets them on all hosts, and starts the live release again with them; without any, only that. Gives the exit code. */
export async function changeAndRestart(run: ReleaseRun, changes: Changes, restart: boolean): Promise<number> {
  let isChanged = changes.size === 0
  for (const { name, settings, connect } of changes.size > 0 ? run.hosts : []) {
    const connection = await connect()
    const changed = await setVariables(connection, settings.app, changes).finally(() => connection.close())
    isChanged ||= changed
    const names = [...changes.keys()].join(', ')
    run.emit({ event: 'note', message: `${name}: ${names} ${changed ? 'changed' : 'is as it was'}` })
  }
  return restart && isChanged ? (await restartRelease({ ...run, wait: 30 })).exitCode : 0
}

/** Prints the names of an app's variables on all hosts and who set each; with `show` their values. */
export async function listVariables(
  ways: readonly ReachableHost[],
  app: string,
  { show, json }: { readonly show: boolean; readonly json: boolean },
  { stdout }: CommandInput,
): Promise<number> {
  for (const way of ways) {
    const connection = await way.connect()
    const all = await readVariables(connection, app).finally(() => connection.close())
    const width = Math.max(...all.map(({ name }) => name.length))
    for (const { name, value, from } of all) {
      const text = show ? value : '***'
      if (json) stdout.write(`${JSON.stringify({ host: way.host.name, name, value: text, from })}\n`)
      else
        stdout.write(
          `${[...(ways.length > 1 ? [way.host.name] : []), name.padEnd(width), from.padEnd(9), text].join('  ')}\n`,
        )
    }
  }
  return 0
}
