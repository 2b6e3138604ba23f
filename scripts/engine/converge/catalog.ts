import { callSite } from '#engine/call-site.ts'
import { CapstanError } from '#engine/errors.ts'
import {
  type ConfigSet,
  type Declare,
  type Handler,
  handlerKey,
  type Kind,
  type Resource,
} from '#engine/resources/resource.ts'

/** All that is declared for one host, in order, and the handlers of its roles in the order of declaration. */
export interface Catalog {
  readonly resources: readonly Resource[]
  readonly handlers: readonly Handler[]
}

export interface CatalogBuilder extends Catalog {
  /** The same, for the declarations of one role. */
  role(name: string): RoleDeclarations
  /** The catalog of all that has been declared, to be called after the last role. */
  complete(): Catalog
}

/** What the declarations of one role go through. */
export interface RoleDeclarations {
  readonly declare: Declare
  handler(name: string, action: string): Handler
  configSet(name: string, options: ConfigSetOptions, members: () => void): void
}

export interface ConfigSetOptions {
  /** The directory, absolute, that all members lie below. */
  readonly root: string
  /** Shell that exits non-zero when the service would not start: `nginx -t`. */
  readonly test: string
  readonly notify?: Handler | readonly Handler[]
}

/** An empty catalog. `declare` throws when a resource is declared twice or outside its config set's root. */
export function buildCatalog(): CatalogBuilder {
  const resources: Resource[] = []
  const handlers: Handler[] = []
  const owners = new Map<string, Resource>()

  const role = (roleName: string): RoleDeclarations => {
    let set: ConfigSet | undefined
    let setNotify: readonly Handler[] = []
    const roots: string[] = []

    const declare: Declare = (kind, item, options = {}) => {
      const where = callSite()
      const label = `${item.noun ?? kind.noun} ${item.name}`
      const resource: Resource = {
        kind: kind as Kind<unknown, unknown>,
        label,
        wanted: item.wanted,
        role: roleName,
        where,
        notify: [...setNotify, ...[options.notify ?? []].flat()],
        set,
        once: item.once ?? false,
        late: item.late ?? false,
      }
      // A file, a template and a link at one path are one thing.
      const key = `${kind.noun} ${item.name}`
      const same = owners.get(key)
      if (same && !item.shared) throw twice(label, where(), `${same.label} at ${same.where()}`)
      if (set && !item.name.startsWith(`${set.root}/`))
        throw new CapstanError('set-outside', `${label} is outside ${set.root}, the root of “${set.name}”`, {
          where: where(),
        })
      owners.set(key, resource)
      resources.push(resource)
    }

    return {
      declare,
      handler(name, action) {
        const made: Handler = { role: roleName, name, action, where: callSite() }
        // Its key is kept on the host as a file's name of hex digits, of which there is room for 255.
        if (Buffer.byteLength(handlerKey(made)) > 120)
          throw new RangeError(`expected a handler's name of 100 bytes at most, got ${JSON.stringify(name)}`)
        const same = handlers.find(one => one.role === roleName && one.name === name)
        if (same) throw twice(`handler “${name}”`, made.where(), `one at ${same.where()}`)
        handlers.push(made)
        return made
      },
      configSet(name, options, members) {
        roots.push(ownRoot(name, options.root, roots))
        set = { role: roleName, name, root: options.root, test: options.test }
        setNotify = [options.notify ?? []].flat()
        members()
        set = undefined
        setNotify = []
      },
    }
  }
  const complete = (): Catalog => ({
    resources: resources.map(one =>
      one.kind.complete ? { ...one, wanted: one.kind.complete(one.wanted, resources) } : one,
    ),
    handlers,
  })
  return { resources, handlers, role, complete }
}

function twice(label: string, where: string, first: string): CapstanError {
  return new CapstanError('declared-twice', `${label} is declared twice, first as ${first}`, {
    where,
    hint: 'Each thing on a host has one owner: keep one of the two declarations.',
  })
}

// One set of a role is put back alone: none of its others may lie in the same directory. The root becomes part of
// the names of copies beside it.
function ownRoot(name: string, root: string, others: readonly string[]): string {
  if (!/^(\/[\w@+=:,-][\w.@+=:,-]*)+$/.test(root))
    throw new RangeError(
      `“${name}”: expected the absolute path of a directory as its root, got ${JSON.stringify(root)}`,
    )
  const other = others.find(one => `${one}/`.startsWith(`${root}/`) || `${root}/`.startsWith(`${one}/`))
  if (other) throw new RangeError(`“${name}”: its root ${root} and ${other}, another set's, are not apart`)
  return root
}
