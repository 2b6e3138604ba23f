/** How many hosts at a time: a number, a share of all (`25%`), or a list of those whose last goes for the rest. */
export type Serial = number | `${number}%` | readonly (number | `${number}%`)[]

/**
 * The hosts in batches, in their order: `hostBatches(['a', 'b', 'c'], [1, '100%'])` → `[['a'], ['b', 'c']]`. A share is
 * rounded down, to one host at least. Throws RangeError for what is no size of a batch.
 */
export function hostBatches<T>(hosts: readonly T[], serial: Serial): readonly (readonly T[])[] {
  const sizes = [serial].flat().map(size => sizeOf(size, hosts.length))
  const last = sizes.at(-1)
  if (last === undefined) throw new RangeError('serial: expected at least one size of a batch, got []')
  const all: (readonly T[])[] = []
  for (let from = 0; from < hosts.length; ) {
    const size = sizes[all.length] ?? last
    all.push(hosts.slice(from, from + size))
    from += size
  }
  return all
}

function sizeOf(size: number | string, hosts: number): number {
  const [, share] = /^(\d+(?:\.\d+)?)%$/.exec(String(size)) ?? []
  if (share !== undefined && Number(share) > 0 && Number(share) <= 100)
    return Math.max(1, Math.floor((hosts * Number(share)) / 100))
  if (typeof size === 'number' && Number.isInteger(size) && size > 0) return size
  throw new RangeError(
    `serial: expected a number of hosts or a share like "25%", got ${JSON.stringify(size)}`,
  )
}
