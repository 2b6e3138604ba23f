/** Where Capstan keeps its state on a host; root only. */
export const stateDirectory = '/var/lib/capstan'

/** Locks and what else ends with a boot; root only. */
export const runtimeDirectory = '/run/capstan'

/** Where a stage keeps its script and its log on the host. */
export function runDirectory(id: string): string {
  return `${stateDirectory}/runs/${id}`
}

/** The file whose presence ends a stage before its next step. */
export function stopFile(id: string): string {
  return `${runDirectory(id)}/stop`
}

/** Holds the session of the stage that changes the host, or deploys `app`, as long as that stage runs. */
export function stageFile(app?: string): string {
  return app === undefined ? `${runtimeDirectory}/stage` : `${runtimeDirectory}/deploy-${app}.stage`
}

/** Says who holds the lock of the host, or of `app`: `RUN WHO since WHEN, URL`, then the pid of the session's shell. */
export function holderFile(app?: string): string {
  return app === undefined ? `${runtimeDirectory}/holder` : `${runtimeDirectory}/deploy-${app}.holder`
}
