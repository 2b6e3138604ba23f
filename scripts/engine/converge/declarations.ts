import { apt } from '#engine/resources/apt.ts'
import { certificate } from '#engine/resources/certificate.ts'
import { directory, file, link } from '#engine/resources/file.ts'
import { group } from '#engine/resources/group.ts'
import { listens } from '#engine/resources/listens/listens.ts'
import { mysql } from '#engine/resources/mysql/mysql.ts'
import { release } from '#engine/resources/release/live.ts'
import { service, unit } from '#engine/resources/service.ts'
import { template } from '#engine/resources/template.ts'
import { user } from '#engine/resources/user.ts'
import { workers } from '#engine/resources/workers.ts'
import { zone } from '#engine/resources/zone.ts'
import type { RoleDeclarations } from './catalog.ts'

/** The nouns a role can declare, bound to the host's catalog. */
export type Declarations = ReturnType<typeof declarations>

export function declarations(role: RoleDeclarations, place: { readonly directory: string }) {
  const { declare, handler, configSet } = role
  return {
    apt: apt(declare),
    certificate: certificate(declare),
    configSet,
    directory: directory(declare),
    file: file(declare),
    group: group(declare),
    handler,
    link: link(declare),
    listens: listens(declare),
    mysql: mysql(declare),
    release: release(declare),
    service: service(declare),
    template: template(declare, place),
    unit: unit(declare, place),
    user: user(declare),
    workers: workers(declare),
    zone: zone(declare, place),
  }
}
