import type { Connect } from '#engine/connection/connection.ts'
import type { AppSettings } from '#engine/resources/release/app.ts'

/** A host to deploy to. */
export interface DeployHost {
  readonly name: string
  readonly settings: AppSettings
  readonly connect: Connect
}
