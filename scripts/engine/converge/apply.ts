import { randomBytes } from 'node:crypto'
import type { HostError } from '#engine/errors.ts'
import type { HostConnection } from '#engine/host/host-connection.ts'
import { markReader } from '#engine/host/marks.ts'
import type { RunIdentity } from '#engine/host/run-identity.ts'
import type { Emit } from '#engine/output/events.ts'
import type { Step } from './plan.ts'
import { ConvergeReporter } from './reporter.ts'
import { convergeScript, type StageSites } from './stage.ts'

export interface Applied {
  /** Steps that were done and stay done, in order. */
  readonly done: readonly Step[]
  /** The step that ended the stage; absent where it was not one alone: a set's test, a kill. */
  readonly failed: Step | undefined
  /** Why the stage stopped before its end. */
  readonly error: HostError | undefined
}

/** Carries out one stage on the host, the `pass`th of its run. Emits each step as it begins and ends. */
export async function applyStage(
  connection: HostConnection,
  stage: readonly Step[],
  {
    run,
    sites,
    pass,
    emit,
  }: { readonly run: RunIdentity; readonly sites: StageSites; readonly pass: number; readonly emit: Emit },
): Promise<Applied> {
  const id = `${run.runId}-${pass}`
  const nonce = randomBytes(16).toString('hex')
  const reporter = new ConvergeReporter(connection.host, stage, id, emit)
  const script = convergeScript(stage, { id, nonce, run, sites })
  const error = await connection
    .stage(
      { id, script, orphans: 'wait' },
      markReader(nonce, mark => {
        if (mark.word === 'prove') void connection.proveLogin(id)
        else reporter.on(mark)
      }),
    )
    .then(
      () => reporter.ending(),
      (thrown: HostError) => thrown,
    )
  return { done: reporter.done, failed: reporter.failed, error }
}
