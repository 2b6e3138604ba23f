import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { debianReleases } from '#engine/systems.ts'

const portNumber = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535))

const schema = v.object({
  version: v.literal(1),
  engine: v.picklist(['docker', 'podman']),
  /** The first three bytes of the clone's /24: `10.141.7`. */
  network: v.string(),
  hosts: v.record(
    v.string(),
    v.object({
      debian: v.picklist(debianReleases),
      ip: v.string(),
      /** It has its keys and has greeted once. */
      ready: v.boolean(),
      ports: v.object({ ssh: portNumber, http: portNumber, https: portNumber, dns: portNumber }),
    }),
  ),
})

/** The hosts of the clone's sandbox. The labels of the containers hold the same: this file is faster to read, and keeps ports. */
export type SandboxState = v.InferOutput<typeof schema>

export type HostState = SandboxState['hosts'][string]

/** Where a clone keeps its sandbox: `.capstan/sandbox` of the repository. */
export function stateDirectory(root: string): string {
  return join(root, '.capstan', 'sandbox')
}

/** The recorded sandbox; absent before the first `up`, and where the file is not one of ours. */
export function readState(root: string): SandboxState | undefined {
  try {
    const parsed = v.safeParse(schema, JSON.parse(readFileSync(file(root), 'utf8')))
    return parsed.success ? parsed.output : undefined
  } catch {
    return undefined
  }
}

export function writeState(root: string, state: SandboxState): void {
  mkdirSync(stateDirectory(root), { recursive: true, mode: 0o700 })
  const draft = `${file(root)}.${process.pid}`
  writeFileSync(draft, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 })
  renameSync(draft, file(root))
}

/** Removes the clone's sandbox folder; what is not a sandbox's in `.capstan` stays. */
export function removeState(root: string): void {
  rmSync(stateDirectory(root), { recursive: true, force: true })
}

/** The file whose lock keeps two processes from changing the same sandbox. */
export function lockFile(root: string): string {
  return join(stateDirectory(root), 'lock')
}

function file(root: string): string {
  return join(stateDirectory(root), 'state.json')
}
