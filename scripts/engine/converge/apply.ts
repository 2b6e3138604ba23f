import { randomBytes } from 'node:crypto'
import type { Connection } from '#engine/connection/connection.ts'
import type { HostError } from '#engine/errors.ts'
import type { Emit } from '#engine/output/events.ts'
import { runDetached, stopFile } from './detached.ts'
import { markReader } from './marks.ts'
import type { Step } from './plan.ts'
import { stageScript } from './stage.ts'
import { StageStory } from './story.ts'

export interface Applied {
  /** Steps that were done and stay done, in order. */
  readonly done: readonly Step[]
  /** The step that ended the stage; absent where it was not one alone: a set's test, a kill. */
  readonly failed: Step | undefined
  /** Why the stage stopped before its end. */
  readonly error: HostError | undefined
}

export interface ApplyOptions {
  /** Of the run and the stage: the name of its folder on the host. */
  readonly id: string
  readonly emit: Emit
  readonly stop: AbortSignal
  readonly reconnect: () => Promise<Connection>
}

/** Carries out one stage on the host, telling each step as it begins and ends. */
export async function applyStage(
  connection: Connection,
  stage: readonly Step[],
  { id, emit, stop, reconnect }: ApplyOptions,
): Promise<Applied> {
  const nonce = randomBytes(16).toString('hex')
  const story = new StageStory(connection.host, stage, emit)
  const error = await runDetached(connection, {
    id,
    script: stageScript(stage, nonce, stopFile(id)),
    onOutput: markReader(nonce, mark => story.on(mark)),
    stop,
    reconnect,
  }).then(
    () => story.ending(id),
    (thrown: HostError) => thrown,
  )
  return { done: story.done, failed: story.failed, error }
}
