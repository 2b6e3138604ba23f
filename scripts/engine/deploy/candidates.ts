import { HostError } from '#engine/errors.ts'
import type { HostDeploy } from './host-deploy.ts'
import type { AppState } from './inspect.ts'
import type { Release, ReleaseFacts } from './release.ts'

/** A host and what it has of the app. */
export interface Inspected {
  readonly deploy: HostDeploy
  readonly state: AppState
}

/** Reads what every host has; undefined where one of them can't be read, its error kept. */
export async function inspectAll(
  deploys: readonly HostDeploy[],
  inspect: (deploy: HostDeploy) => Promise<AppState>,
): Promise<readonly Inspected[] | undefined> {
  const inspected = await Promise.all(
    deploys.map(async deploy => {
      try {
        const state = await inspect(deploy)
        deploy.waits()
        return [{ deploy, state }]
      } catch (error) {
        deploy.fail(error)
        return []
      }
    }),
  )
  const hosts = inspected.flat()
  if (hosts.length === deploys.length) return hosts
  const failed = deploys.filter(({ error }) => error !== undefined)
  for (const { deploy } of hosts) deploy.fail(nothingDone(deploy, failed))
  return undefined
}

function nothingDone({ host }: HostDeploy, failed: readonly HostDeploy[]): HostError {
  return new HostError('others-failed', `${host}: nothing was done, because ${namesOf(failed)} failed`, {
    lines: reasonsOf(failed),
    hint: 'The site is unchanged on every host. Use -l to exclude a host and deploy to the others.',
  })
}

/** `web2, web3`. */
export function namesOf(deploys: readonly HostDeploy[]): string {
  return deploys.map(({ host }) => host).join(', ')
}

/** The first error of each: `web2: 127.0.0.1 port 22: nothing listens there`. */
export function reasonsOf(deploys: readonly HostDeploy[]): readonly string[] {
  return deploys.flatMap(({ error }) => (error instanceof Error ? [error.message] : []))
}

/** The live release, as the first host has it. */
export function liveOn([first]: readonly Inspected[]): ReleaseFacts | undefined {
  return first?.state.releases.find(({ id }) => id === first.state.current)
}

/** Keeps an error for each host where deploys are frozen; true where there is one. */
export function refuseFrozen(hosts: readonly Inspected[]): boolean {
  const frozen = hosts.filter(({ state }) => state.frozen !== undefined)
  for (const { deploy, state } of frozen)
    deploy.fail(
      new HostError(
        'frozen',
        `${deploy.host}: deploys of ${deploy.settings.app} are frozen: ${state.frozen}`,
        {
          hint: 'Nothing was changed. npx zx scripts/releases.mjs thaw allows deploys again. Rollbacks are still possible.',
        },
      ),
    )
  return frozen.length > 0
}

/**
 * The release on a host with this content. Of several, which are copies of one another, the live one, else the newest good
 * one: a run that was killed may have left one beside it that never was live.
 */
export function withContent({ current, releases }: AppState, sha256: string): Release | undefined {
  const same = releases.filter(release => release.sha256 === sha256)
  return same.find(({ id }) => id === current) ?? same.find(({ state }) => state === 'good') ?? same[0]
}

/** Whether this content is live there, was found good, and its instance runs and answers. */
export function isLive({ current, releases, running, answers }: AppState, sha256: string): boolean {
  const live = releases.find(({ id }) => id === current)
  return live?.sha256 === sha256 && live.state === 'good' && running.includes(live.id) && answers
}
