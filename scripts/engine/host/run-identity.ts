import { randomBytes } from 'node:crypto'
import { hostname, userInfo } from 'node:os'

/** Who changes a host, and in which run: for its lock and its logs. */
export interface RunIdentity {
  /** `alice@laptop`; on a GitHub runner its actor. */
  readonly who: string
  /** The run's web page; undefined: it has none. */
  readonly url: string | undefined
  /** Sorts by time and is unique: `20261122T204501Z-3f9a`. */
  readonly runId: string
}

/** Who runs this: on a runner the user who triggered it, otherwise the local user. */
export function runIdentity(environment: NodeJS.ProcessEnv): RunIdentity {
  const now = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
  const runId = `${now}-${randomBytes(2).toString('hex')}`
  const { GITHUB_ACTOR, GITHUB_SERVER_URL, GITHUB_REPOSITORY, GITHUB_RUN_ID } = environment
  if (GITHUB_ACTOR && GITHUB_RUN_ID)
    return {
      who: `${GITHUB_ACTOR}@github`,
      url: `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID}`,
      runId,
    }
  return { who: `${userInfo().username}@${hostname()}`, url: undefined, runId }
}
