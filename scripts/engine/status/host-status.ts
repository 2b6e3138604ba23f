import { type AppStatus, appStatus, isHealthy } from '#engine/app/status.ts'
import { unitText } from '#engine/app/status-lines.ts'
import type { Connection } from '#engine/connection/connection.ts'
import type { StatusCheck } from '#engine/converge/role.ts'
import { CapstanError } from '#engine/errors.ts'
import type { AppSettings } from '#engine/resources/release/app.ts'
import { checksScript, type Finding, hostChecks, parseFindings } from './checks.ts'

/** A host, and what is checked on it beside what every host has. */
export interface StatusHost {
  readonly name: string
  readonly checks: readonly StatusCheck[]
  readonly apps: readonly AppSettings[]
}

/** What is printed as a command on this host, or for a site of it. */
export interface Commands {
  /** `npx zx scripts/run.mjs -i production web1`. */
  readonly run: string
  /** `npx zx scripts/app.mjs -i production --site shop`, of a script by its name. */
  script(name: string, site?: string): string
}

export interface HostStatus {
  readonly host: string
  /** The worst of all findings. */
  readonly state: Finding['state']
  readonly findings: readonly Finding[]
}

/** Checks a host: one trip for itself and its roles, and one for each of its sites. Throws what a connection throws. */
export async function hostStatus(
  connection: Connection,
  { name, checks, apps }: StatusHost,
  commands: Commands,
): Promise<HostStatus> {
  const { stdout } = await connection.run(checksScript([...hostChecks, ...checks]))
  const all = parseFindings(name, stdout, commands.run)
  const findings = all.map(finding => withScripts(finding, commands))
  for (const app of apps) findings.push(...(await siteFindings(connection, app, commands)))
  return { host: name, state: worst(findings), findings }
}

export function worst(findings: readonly Pick<Finding, 'state'>[]): Finding['state'] {
  const has = (state: Finding['state']) => findings.some(each => each.state === state)
  return has('bad') ? 'bad' : has('warning') ? 'warning' : 'good'
}

// Roles name a script without the inventory that it is for.
function withScripts(finding: Finding, { script }: Commands): Finding {
  const cure = finding.cure?.replace(/\bnpx zx scripts\/(\w+)\.mjs(?! -i)/g, (_all, name: string) =>
    script(name),
  )
  return { ...finding, cure }
}

async function siteFindings(
  connection: Connection,
  settings: AppSettings,
  commands: Commands,
): Promise<readonly Finding[]> {
  const name = settings.app
  try {
    return findingsOf(await appStatus(connection, settings), commands)
  } catch (error) {
    if (!(error instanceof CapstanError)) throw error
    // A host of other roles: a database server has no releases.
    if (error.code === 'not-set-up' && error.lines.some(line => line.includes('/releases is not there')))
      return []
    return [{ name, state: 'bad', text: [error.message, ...error.lines].join(': '), cure: error.hint }]
  }
}

/** One line for a site that is well, and one for each part of it that is not. */
function findingsOf(status: AppStatus, { script }: Commands): readonly Finding[] {
  const { site: name, release, answer, units, maintenance, frozen } = status
  const cure = `${script('app', name)} logs shows why. ${script('rollback', name)} returns to the release before.`
  if (release === undefined)
    return [
      { name, state: 'bad', text: 'nothing is live', cure: `${script('deploy', name)} ships a release.` },
    ]
  const bad = (text: string): Finding => ({ name, state: 'bad', text, cure })
  if (!isHealthy(status))
    return [
      ...(answer?.good === false ? [bad(answer.said)] : []),
      ...units.filter(({ good }) => !good).map(unit => bad(`${unit.name}: ${unitText(unit)}`)),
    ]
  const since =
    release.activated && `live since ${release.activated.at.slice(0, 10)}, by ${release.activated.by}`
  const text = [
    release.id,
    since,
    answer?.said,
    maintenance && 'visitors get the maintenance page',
    frozen !== undefined && `deploys are frozen: ${frozen}`,
  ]
  return [{ name, state: 'good', text: text.filter(Boolean).join(', '), cure: undefined }]
}
