import { randomBytes } from 'node:crypto'
import { cutAt } from '#engine/connection/marker.ts'
import { HostError } from '#engine/errors.ts'
import type { HostConnection } from '#engine/host/host-connection.ts'
import type { Difference } from '#engine/output/events.ts'
import type { ProbeOptions, Resource, State } from '#engine/resources/resource.ts'

/** A resource with its actual state. */
export interface Probed {
  readonly resource: Resource
  readonly state: State<unknown>
  /** Of a known state, from the declared one; computed once, because a plan reads them several times. */
  readonly differences: readonly Difference[]
}

/** Reads the state of all resources in one trip, a kind at a time. Throws HostError when a kind's probe fails. */
export async function probe(
  connection: Pick<HostConnection, 'host' | 'read'>,
  resources: readonly Resource[],
  options: ProbeOptions,
): Promise<readonly Probed[]> {
  if (resources.length === 0) return []
  const groups = byProbe(resources)
  const nonce = randomBytes(16).toString('hex')
  const script = groups.map(group => section(group, nonce, options)).join('')
  const { stdout, stderr } = await connection.read(script)
  const outputs = split(stdout, nonce)

  const states = new Map<Resource, State<unknown>>()
  groups.forEach((group, index) => {
    const output = outputs[index]
    const kind = kindOf(group)
    if (output?.exitCode !== 0) throw probeFailed(connection.host, kind.noun, output?.exitCode, stderr)
    const found = kind.parse(
      output.bytes,
      group.map(resource => resource.wanted),
    )
    group.forEach((resource, at) => {
      const state = found[at]
      if (!state) throw new Error(`${kind.noun}: no state for ${resource.label}`)
      states.set(resource, state)
    })
  })
  return resources.map(resource => compared(resource, states.get(resource) as State<unknown>))
}

/** The resource with this state, compared. */
export function compared(resource: Resource, state: State<unknown>): Probed {
  const differences = state.known ? resource.kind.diff(resource.wanted, state.value) : []
  return { resource, state, differences }
}

// Kinds that read in the same way (a unit file is a file) share one section.
function byProbe(resources: readonly Resource[]): readonly (readonly Resource[])[] {
  const groups = new Map<unknown, Resource[]>()
  for (const resource of resources) {
    const group = groups.get(resource.kind.probe)
    if (group) group.push(resource)
    else groups.set(resource.kind.probe, [resource])
  }
  return [...groups.values()]
}

function section(group: readonly Resource[], nonce: string, options: ProbeOptions): string {
  const wanted = group.map(resource => resource.wanted)
  return `(\n${kindOf(group).probe(wanted, options)})\nprintf '\\n%s %d\\n' ${nonce} $?\n`
}

function kindOf(group: readonly Resource[]): Resource['kind'] {
  const first = group[0]
  if (!first) throw new Error('a group without a resource')
  return first.kind
}

function split(stdout: Buffer, nonce: string): { readonly bytes: Buffer; readonly exitCode: number }[] {
  const outputs: { readonly bytes: Buffer; readonly exitCode: number }[] = []
  let bytes: Buffer = Buffer.alloc(0)
  const cut = cutAt({
    marker: Buffer.from(`\n${nonce} `),
    onData(all) {
      bytes = all
    },
    onMarker(code) {
      outputs.push({ bytes, exitCode: Number(code) })
      bytes = Buffer.alloc(0)
    },
  })
  // In one chunk, so that the bytes before each marker are one piece.
  cut(stdout)
  return outputs
}

function probeFailed(host: string, noun: string, code: number | undefined, stderr: Buffer): HostError {
  return new HostError(
    'probe',
    `${host}: reading the state of ${noun} resources ended with ${code ?? 'nothing'}`,
    {
      lines: stderr.toString().trimEnd().split('\n').slice(-10),
      hint: 'This step changed nothing. Log in and check what the lines above name.',
    },
  )
}
