import { HostError } from '#engine/errors.ts'
import type { HostConnection } from '#engine/host/host-connection.ts'
import { quote } from '#engine/quote.ts'
import { quotedForFile } from '#engine/resources/release/environment-file.ts'
import { writeHostFile } from '#engine/script/files.ts'

/** A variable of an app, and who set it: the inventory, or `app.mjs env set` on the host, which comes first. */
export interface Variable {
  readonly name: string
  /** Not masked anywhere: it is for whoever asked for it. */
  readonly value: string
  readonly from: 'inventory' | 'host'
}

type Host = Pick<HostConnection, 'host' | 'run' | 'openStream'>

/** The variables of an app on a host, by name. Throws HostError where the app is not set up there. */
export async function readVariables(host: Host, app: string): Promise<readonly Variable[]> {
  const [inventory, own] = await readFiles(host, app)
  const all = new Map(
    [...entries(inventory, 'inventory'), ...entries(own, 'host')].map(one => [one.name, one]),
  )
  return [...all.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Sets variables of an app on a host; undefined takes one away that was set so. True: something changed. */
export async function setVariables(
  host: Host,
  app: string,
  changes: ReadonlyMap<string, string | undefined>,
): Promise<boolean> {
  const [, own] = await readFiles(host, app)
  const all = new Map(entries(own, 'host').map(({ name, value }) => [name, value]))
  for (const [name, value] of changes) {
    if (value === undefined) all.delete(name)
    else all.set(name, value)
  }
  const lines = [...all].map(([name, value]) => `${name}=${quotedForFile(value)}\n`)
  const text = lines.length === 0 ? '' : `${head}${lines.sort().join('')}`
  if (text === own) return false
  if (text === '') await host.run(`rm -f -- ${quote(fileOf(app))}\n`)
  else await writeHostFile(host, fileOf(app), text, { mode: 0o640, owner: 'root', group: app })
  return true
}

const head = '# Set by scripts/app.mjs env, over the inventory.\n'

function fileOf(app: string): string {
  return `/etc/capstan/${app}/set.env`
}

async function readFiles(host: Host, app: string): Promise<readonly [inventory: string, own: string]> {
  const { exitCode, stdout } = await host.run(
    `cd ${quote(`/etc/capstan/${app}`)} && cat app.env && printf '\\0' && { [ ! -e set.env ] || cat set.env; }\n`,
  )
  const [inventory = '', own = ''] = stdout.toString().split('\0')
  if (exitCode === 0) return [inventory, own]
  throw new HostError('no-app', `${host.host}: there is no app ${app}`, {
    hint: 'npx zx scripts/site.mjs sets it up.',
  })
}

function entries(text: string, from: Variable['from']): readonly Variable[] {
  return text.split('\n').flatMap(line => {
    const [, name = '', quoted = ''] = /^([A-Za-z_]\w*)="(.*)"$/.exec(line) ?? []
    return name === '' ? [] : [{ name, value: quoted.replace(/\\(.)/g, '$1'), from }]
  })
}
