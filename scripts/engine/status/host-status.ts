import { type AppStatus, isHealthy, parseStatus, statusScript } from '#engine/app/status.ts'
import { unitText } from '#engine/app/status-lines.ts'
import type { Connection } from '#engine/connection/connection.ts'
import type { StatusCheck } from '#engine/converge/role.ts'
import { CapstanError } from '#engine/errors.ts'
import type { AppSettings } from '#engine/resources/release/app.ts'
import { checkScript, type Finding, findingsOf, hostChecks, unchecked } from './checks.ts'
import { type PartOutput, partsScript, readParts } from './parts.ts'

/** A host, and what is checked on it beside what every host has. */
export interface StatusHost {
  readonly name: string
  readonly checks: readonly StatusCheck[]
  /** Checks that the inventory's values do not allow. */
  readonly unchecked: readonly Finding[]
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

/** Checks a host, its roles and its sites in one trip. Throws what a connection throws. */
export async function hostStatus(
  connection: Connection,
  { name, checks, unchecked: refused, apps }: StatusHost,
  commands: Commands,
): Promise<HostStatus> {
  const all = [...hostChecks, ...checks]
  const parts = [...all.map(checkScript), ...apps.map(statusScript)]
  const { stdout, stderr } = await connection.run(partsScript(parts))
  const outputs = readParts(name, stdout, parts.length, stderr.toString())
  const checked = outputs.flatMap((output, index) => {
    const check = all[index]
    const app = apps[index - all.length]
    if (app) return siteFindings(name, app, output, commands)
    return check ? findingsOf(check.name, output).map(each => withCommands(each, commands)) : []
  })
  const findings = [...checked, ...refused]
  return { host: name, state: worst(findings), findings }
}

export function worst(findings: readonly Pick<Finding, 'state'>[]): Finding['state'] {
  const has = (state: Finding['state']) => findings.some(each => each.state === state)
  return has('bad') ? 'bad' : has('warning') ? 'warning' : 'good'
}

/** With the inventory and the host in its cure: a role, or an error, names a script alone, and a command on the host by HOST. */
export function withCommands(finding: Finding, { run, script }: Commands): Finding {
  const cure = finding.cure
    ?.replace(/\bnpx zx scripts\/(\w+)\.mjs(?! -(?:i|-help)\b)/g, (_all, name: string) => script(name))
    .replace(/\bHOST(?= --)/g, () => run)
  return { ...finding, cure }
}

function siteFindings(
  host: string,
  settings: AppSettings,
  { stdout, lastError }: PartOutput,
  commands: Commands,
): readonly Finding[] {
  const name = findingName(settings.app)
  if (stdout.length === 0) return [unchecked(name, lastError)]
  try {
    return findingsOfSite(parseStatus(host, settings, stdout, lastError), commands)
  } catch (error) {
    if (!(error instanceof CapstanError)) throw error
    // A host of other roles: a database server has no releases.
    if (error.code === 'not-set-up' && error.lines.some(line => line.includes('/releases is not there')))
      return []
    return [withCommands(findingOfError(name, error), commands)]
  }
}

// A site may be named like a check of the host.
function findingName(site: string): string {
  return `site ${site}`
}

/** An error that a check ended with. */
export function findingOfError(name: string, { message, lines, hint }: CapstanError): Finding {
  return { name, state: 'bad', text: [message, ...lines].join(': '), cure: hint }
}

/** One line for a site that is well, and one for each part of it that is not. */
function findingsOfSite(status: AppStatus, { script }: Commands): readonly Finding[] {
  const { site, release, answer, units, maintenance, frozen } = status
  const name = findingName(site)
  const cure = `${script('app', site)} logs shows why. ${script('rollback', site)} returns to the release before.`
  if (release === undefined)
    return [
      { name, state: 'bad', text: 'nothing is live', cure: `${script('deploy', site)} ships a release.` },
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
