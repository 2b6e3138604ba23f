import { connectSsh } from '#engine/connection/ssh.ts'
import { buildCatalog } from '#engine/converge/catalog.ts'
import { factsScript, parseFacts } from '#engine/converge/facts.ts'
import type { Role } from '#engine/converge/role.ts'
import { loadInventory } from '#engine/inventory/inventory.ts'
import type { WantedPath } from '#engine/resources/path.ts'
import type { Resource } from '#engine/resources/resource.ts'
import type { SandboxHost } from '#engine/sandbox/sandbox.ts'
import app from '#roles/app/role.ts'
import dns from '#roles/dns/role.ts'
import mysql from '#roles/mysql/role.ts'
import nginx from '#roles/nginx/role.ts'
import site from '#roles/site.ts'
import tls from '#roles/tls/role.ts'

type Task = Readonly<Record<string, unknown>>

const roles: readonly Role[] = [dns, nginx, app, mysql, tls]

/** The site's catalog on a host, as Ansible's tasks (one a resource) and as one shell script that probes it. */
export async function playbook(
  root: string,
  file: string,
  host: SandboxHost,
): Promise<{ tasks: readonly Task[]; probe: string }> {
  const inventory = await loadInventory({
    root,
    inventory: file,
    extraVars: [],
    roles: roles.map(({ name }) => name),
    environment: process.env,
  })
  const vars = inventory.hosts[0]?.vars ?? {}
  const connection = await connectSsh({ ...host, host: host.name, sudo: 'auto' })
  const { stdout } = await connection.run(factsScript)
  await connection.close()
  const shared = parsedValue(site.parse(vars['site']))
  const catalog = buildCatalog()
  for (const role of roles)
    role.declare(catalog.role(role.name), {
      sites: [{ site: shared, vars: parsedValue(role.vars.parse(vars[role.name], shared)) }],
      removed: [],
      facts: parseFacts(stdout, connection.host),
      host: { name: host.name, groups: [] },
    })
  const groups = byProbe(catalog.resources)
  const probe = groups
    .map(
      group =>
        group[0]?.kind.probe(
          group.map(one => one.wanted),
          { diff: false },
        ) ?? '',
    )
    .join('')
  return { tasks: catalog.resources.flatMap(taskOf), probe }
}

function byProbe(resources: readonly Resource[]): readonly (readonly Resource[])[] {
  const groups = new Map<unknown, Resource[]>()
  for (const one of resources) groups.set(one.kind.probe, [...(groups.get(one.kind.probe) ?? []), one])
  return [...groups.values()]
}

function taskOf({ label, wanted, kind }: Resource): readonly Task[] {
  const name = label
  const [noun = '', first = ''] = label.split(' ')
  if (typeof wanted === 'object' && wanted !== null && 'type' in wanted)
    return [{ name, ...pathTask(wanted as WantedPath) }]
  if (noun === 'apt') return [{ name, apt: { name: label.split(' ').slice(1) } }]
  if (noun === 'service') return [{ name, systemd: unitState(first, wanted as WantedUnit) }]
  if (noun === 'user') return [{ name, user: { name: first, system: true } }]
  // What needs a collection outside of ansible-core is one cheap command, in Ansible's favour.
  return [{ name: `${name} (${kind.noun})`, command: 'true', changed_when: false }]
}

interface WantedUnit {
  readonly enabled?: boolean
  readonly running?: boolean
}

function unitState(name: string, { enabled, running }: WantedUnit): Task {
  return {
    name,
    ...(enabled === undefined ? {} : { enabled }),
    ...(running === undefined ? {} : { state: running ? 'started' : 'stopped' }),
  }
}

function pathTask(wanted: WantedPath): Task {
  const { path } = wanted
  switch (wanted.type) {
    case 'absent':
      return { file: { path, state: 'absent' } }
    case 'link':
      return { file: { path, src: wanted.target, state: 'link', force: true } }
    case 'directory':
      return {
        file: { path, state: 'directory', mode: wanted.mode, owner: wanted.owner, group: wanted.group },
      }
    case 'file':
      return {
        copy: {
          dest: path,
          content: `{% raw %}${wanted.content ?? ''}{% endraw %}`,
          mode: wanted.mode,
          owner: wanted.owner,
          group: wanted.group,
        },
      }
  }
}

function parsedValue<T>(
  parsed: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problems: unknown },
): T {
  if (parsed.ok) return parsed.value
  throw new Error(JSON.stringify(parsed.problems))
}
