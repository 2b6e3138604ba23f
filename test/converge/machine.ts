import type { Answer } from '#engine/connection/recorder.ts'
import { Recorder } from '#engine/connection/recorder.ts'
import type { RoleDeclarations } from '#engine/converge/catalog.ts'
import type { HostWork } from '#engine/converge/host.ts'
import type { Site } from '#engine/vars.ts'
import { vars } from '#engine/vars.ts'

const facts = Object.entries({
  'os.id': 'debian',
  'os.version': '12',
  'os.name': 'Debian 12',
  systemd: 'yes',
})
  .flat()
  .map(field => `${field}\0`)
  .join('')

/** A machine whose values are `host`'s: it answers facts and probes, and does what stages say. */
export function machine(
  host: Record<string, string>,
  other: (script: string) => Answer | undefined = () => undefined,
): Recorder {
  return new Recorder(script => {
    const told = other(script)
    if (told) return told
    if (script.includes('os.id')) return { stdout: facts }
    const asked = [...script.matchAll(/^print (\S+)$/gm)].map(([, name = '']) => host[name] ?? '')
    const nonce = /printf '\\n%s %d\\n' ([0-9a-f]{32})/.exec(script)?.[1]
    if (nonce) return { stdout: `${asked.join('\n')}\n${nonce} 0\n` }
    return runStage(script, host)
  }, 'web1')
}

// The stage's script lies in the launcher's here-document; each of its steps here is a line `set NAME=VALUE`.
function runStage(launcher: string, host: Record<string, string>): Answer {
  const [, encoded = ''] = /<<'END_\w+'\n([\s\S]*?)\nEND_/.exec(launcher) ?? []
  const script = Buffer.from(encoded, 'base64').toString()
  const nonce = /^NONCE=(\w+)/.exec(script)?.[1]
  const steps = [...script.matchAll(/^step_(\d+)\(\) \{\nset (\S+)=(\S+)$/gm)]
  for (const [, , name = '', wanted = ''] of steps) host[name] = wanted
  const marks = steps.flatMap(([, index]) => [`begin ${index}`, `end ${index} 0`])
  return { stdout: [...marks, 'done 0'].map(mark => `\n${nonce} ${mark}\n`).join('') }
}

/** A host with one role `web`, which declares so. */
export function work(
  connection: Recorder | Error,
  declare: (into: RoleDeclarations) => void,
  name = 'web1',
): HostWork {
  return {
    identity: { name, groups: [] },
    sites: [{} as Site],
    roles: [{ role: { name: 'web', directory: '/', vars: vars({}), declare }, vars: [{}] }],
    connection: async () => {
      if (connection instanceof Error) throw connection
      return connection
    },
  }
}
