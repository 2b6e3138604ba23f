import type { Site } from '#engine/vars.ts'
import { buildCatalog, type Catalog } from './catalog.ts'
import type { Facts, SetUpSite } from './facts.ts'
import type { Role, SiteTasks } from './role.ts'

/** A small Debian 12 server, as a test of a role and `--list-tasks` take one where none is asked. */
export const typicalFacts: Facts = {
  os: { id: 'debian', version: '12', codename: 'bookworm', name: 'Debian GNU/Linux 12 (bookworm)' },
  system: 'debian 12',
  architecture: 'x86_64',
  hostname: 'typical',
  cpus: 2,
  memory: 4096,
  addresses: ['192.0.2.1'],
  isContainer: false,
  ssh: undefined,
  live: [],
  sites: [],
  pending: [],
}

/** The site www.foobar.com, as a test of a role takes it where it asks for none. */
export const typicalSite: Site = {
  domain: 'foobar.com',
  www: ['www.foobar.com'],
  address: undefined,
  app: 'foobar',
  runtime: 'php',
  database: { name: 'foobar', user: 'foobar', password: undefined },
  upload: '16m',
  email: 'hostmaster@foobar.com',
}

export interface DeclareInput {
  /** As the inventory has them under the role's name. */
  readonly vars?: unknown
  /** What differs from a Debian 12 server with two CPUs and 4 GiB of memory. */
  readonly facts?: Partial<Facts>
  /** What differs from www.foobar.com with its app foobar. */
  readonly site?: Partial<Site>
  /** Further sites of the host, each with the role's vars for it. */
  readonly further?: readonly { readonly site: Partial<Site>; readonly vars?: unknown }[]
  /** Sites that the host was set up for and no longer has. */
  readonly removed?: readonly SetUpSite[]
}

export interface Declared extends Catalog {
  /** The labels of its resources, in order: `template /etc/redis/redis.conf`. */
  readonly labels: readonly string[]
  /** What the role writes to this path of the host. Throws RangeError where it writes no such file. */
  text(path: string): string
}

/**
 * What a role declares with these vars, for a test of the role: no host is contacted. Throws Error with the problems of
 * the vars, one a line (`workers: expected 1–64, got 0`), and what the role itself throws. A role whose tasks are
 * asynchronous asks a host; it is tested on a sandbox host.
 */
export function declare(
  role: Role,
  { vars = {}, facts, site = {}, further = [], removed = [] }: DeclareInput = {},
): Declared {
  const catalog = buildCatalog()
  const pending = role.declare(catalog.role(role.name), {
    sites: [{ site, vars }, ...further].map(each => siteTasks(role, each)),
    ...{ removed, facts: { ...typicalFacts, ...facts }, host: { name: 'web1', groups: [] } },
  })
  if (pending)
    throw new Error(`the tasks of the role ${role.name} are asynchronous: test it on a sandbox host`)
  const { resources, handlers } = catalog.complete()
  return {
    ...{ resources, handlers, labels: resources.map(({ label }) => label) },
    text(wanted) {
      for (const one of resources) {
        // A zone has its text before it gets its serial number on the host.
        const { path, file = path, content, text = content } = one.wanted as Written
        if (file === wanted && text !== undefined) return text.toString()
      }
      throw new RangeError(`the role ${role.name} writes no file ${wanted}`)
    },
  }
}

function siteTasks(
  role: Role,
  { site, vars = {} }: { readonly site: Partial<Site>; readonly vars?: unknown },
): SiteTasks<unknown> {
  const given = { ...typicalSite, ...site }
  const parsed = role.vars.parse(vars, given)
  if (parsed.ok) return { site: given, vars: parsed.value }
  throw new Error(
    parsed.problems
      .map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(': '))
      .join('\n'),
  )
}

interface Written {
  readonly path?: string
  readonly file?: string
  readonly content?: Buffer
  readonly text?: string | Buffer
}
