/**
 * What InnoDB gets of a host that runs the whole site: about a quarter, `512m` of 2 GiB. In steps, because what the
 * kernel says it has moves by some MiB with each kernel, and another size is a restart.
 */
export function bufferPool(memory: number): string {
  return `${step(nominal(memory) / 4, [128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12_288, 16_384, 24_576, 32_768, 49_152, 65_536])}m`
}

/** Connections at once, of which each may take 3 MiB and more: 100 in 1 GiB, 200 in 2 GiB. */
export function maxConnections(memory: number): number {
  return step(nominal(memory) / 10, [50, 100, 150, 200, 300, 400, 500])
}

// MiB of a machine that has `memory` MiB left by its kernel and firmware: those take up to a tenth of small ones.
function nominal(memory: number): number {
  return memory * 1.1
}

function step(most: number, steps: readonly [number, ...number[]]): number {
  return steps.findLast(each => each <= most) ?? steps[0]
}
