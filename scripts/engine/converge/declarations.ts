import { apt } from '#engine/resources/apt.ts'
import { aptSource } from '#engine/resources/apt-source.ts'
import { archive } from '#engine/resources/archive.ts'
import { authorizedKey } from '#engine/resources/authorized-key.ts'
import { block } from '#engine/resources/block.ts'
import { certificate } from '#engine/resources/certificate.ts'
import { command } from '#engine/resources/command.ts'
import { cron } from '#engine/resources/cron.ts'
import { download } from '#engine/resources/download.ts'
import { directory, file, link } from '#engine/resources/file.ts'
import { firewall } from '#engine/resources/firewall/firewall.ts'
import { git } from '#engine/resources/git.ts'
import { group } from '#engine/resources/group.ts'
import { hostname } from '#engine/resources/hostname.ts'
import { hosts } from '#engine/resources/hosts.ts'
import { kernelModule } from '#engine/resources/kernel-module.ts'
import { lineInFile } from '#engine/resources/line-in-file.ts'
import { listens } from '#engine/resources/listens/listens.ts'
import { locale } from '#engine/resources/locale.ts'
import { mount } from '#engine/resources/mount.ts'
import { mysql } from '#engine/resources/mysql/mysql.ts'
import { release } from '#engine/resources/release/live.ts'
import { type Bound, bindNouns, type Nouns, type RolePlace } from '#engine/resources/resource.ts'
import { script } from '#engine/resources/script.ts'
import { service, unit } from '#engine/resources/service.ts'
import { setting } from '#engine/resources/setting/setting.ts'
import { sudoers } from '#engine/resources/sudoers.ts'
import { swap } from '#engine/resources/swap.ts'
import { sysctl } from '#engine/resources/sysctl.ts'
import { template } from '#engine/resources/template.ts'
import { timer } from '#engine/resources/timer.ts'
import { timezone } from '#engine/resources/timezone.ts'
import { tree } from '#engine/resources/tree.ts'
import { user } from '#engine/resources/user.ts'
import { workers } from '#engine/resources/workers.ts'
import { zone } from '#engine/resources/zone.ts'
import type { RoleDeclarations } from './catalog.ts'

/** The kinds of the engine. A role may bring more, by `kinds` of its definition. */
const nouns = {
  apt,
  aptSource,
  archive,
  authorizedKey,
  block,
  certificate,
  command,
  cron,
  directory,
  download,
  file,
  firewall,
  git,
  group,
  hostname,
  hosts,
  kernelModule,
  lineInFile,
  link,
  listens,
  locale,
  mount,
  mysql,
  release,
  script,
  service,
  setting,
  sudoers,
  swap,
  sysctl,
  template,
  timer,
  timezone,
  tree,
  unit,
  user,
  workers,
  zone,
} satisfies Nouns

/** What a role can declare with, bound to the host's catalog. */
export type Declarations = Bound<typeof nouns> & Pick<RoleDeclarations, 'configSet' | 'handler'>

/** `kinds` are the role's own. Throws RangeError where one has the name of a kind of the engine. */
export function declarations<Kinds extends Nouns = Record<never, never>>(
  { declare, handler, configSet }: RoleDeclarations,
  place: RolePlace,
  kinds = {} as Kinds,
): Declarations & Bound<Kinds> {
  const all = { ...bindNouns(nouns, declare, place), configSet, handler }
  for (const name of Object.keys(kinds))
    if (name in all) throw new RangeError(`kinds.${name}: Capstan has a kind of this name`)
  return { ...all, ...bindNouns(kinds, declare, place) }
}
