/**
 * The InnoDB buffer pool of a host that runs the whole site: about a quarter of its memory, `512m` of 2 GiB. In steps, because
 * the memory that the kernel reports varies by some MiB with each version, and another size requires a restart.
 */
export function bufferPool(memory: number): string {
  return `${step(nominal(memory) / 4, [128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12_288, 16_384, 24_576, 32_768, 49_152, 65_536])}m`
}

/** Concurrent connections, each of which may use 3 MiB or more: 100 in 1 GiB, 200 in 2 GiB. */
export function maxConnections(memory: number): number {
  return step(nominal(memory) / 10, [50, 100, 150, 200, 300, 400, 500])
}

/** The redo log, a quarter of the buffer pool: `96m`, the default of MariaDB, in 1 GiB, `2048m` in 32 GiB. */
export function redoLog(memory: number): string {
  return `${step(nominal(memory) / 16, [96, 128, 256, 512, 1024, 2048])}m`
}

/** One temporary table in memory; larger ones are on disk. `16m`, the default, in 1 GiB, `64m` in 8 GiB. */
export function temporaryTable(memory: number): string {
  return `${step(nominal(memory) / 128, [16, 32, 64])}m`
}

/** All temporary tables of MySQL in memory, whose default is 1 GiB on every machine. */
export function temporaryTables(memory: number): string {
  return `${step(nominal(memory) / 16, [64, 128, 256, 512, 1024])}m`
}

/** Whether MySQL collects statistics (performance_schema), which uses 200 MiB: not in 1 GiB. */
export function hasStatistics(memory: number): boolean {
  return nominal(memory) >= 2048
}

// MiB of a machine whose kernel reports `memory` MiB: kernel and firmware use up to a tenth of a small one.
function nominal(memory: number): number {
  return memory * 1.1
}

function step(most: number, steps: readonly [number, ...number[]]): number {
  return steps.findLast(each => each <= most) ?? steps[0]
}
