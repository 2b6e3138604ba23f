import { readFileSync } from 'node:fs'
import type { Connection } from '#engine/connection/connection.ts'
import { HostError } from '#engine/errors.ts'
import { duration } from '#engine/output/duration.ts'
import { aligned } from '#engine/output/table.ts'
import { quote } from '#engine/quote.ts'

/** What runs as the app's user on a host. */
export interface AppProcess {
  readonly host: string
  /** `blog@20261127T090507Z-b744ab2.service`; empty where no unit has it. */
  readonly unit: string
  readonly pid: number
  /** Seconds since it began. */
  readonly age: number
  /** Seconds of CPU time that it has used. */
  readonly cpu: number
  /** KiB of memory that it has in RAM. */
  readonly memory: number
  readonly command: string
}

/** The processes of the app on a host, by pid. Throws HostError where the app is not set up there. */
export async function appProcesses(connection: Connection, app: string): Promise<readonly AppProcess[]> {
  const { exitCode, stdout, stderr } = await connection.run(`perl -e ${quote(program)} -- ${quote(app)}\n`)
  const { host } = connection
  if (exitCode !== 0)
    throw new HostError('no-app', `${host}: ${stderr.toString().trim()}`, {
      hint: 'Check the name of the site: npx zx scripts/inventory.mjs vars shows it.',
    })
  return stdout
    .toString()
    .split('\n')
    .filter(Boolean)
    .map(line => {
      const [unit = '', pid, age, cpu, memory, command = ''] = line.split('\t')
      return {
        host,
        unit,
        pid: Number(pid),
        age: Number(age),
        cpu: Number(cpu),
        memory: Number(memory),
        command,
      }
    })
}

/** A table of them for people. */
export function processTable(all: readonly AppProcess[]): readonly string[] {
  const head = ['host', 'unit', 'pid', 'age', 'cpu', 'memory', 'command']
  const rows = all.map(one => [
    one.host,
    one.unit.replace(/\.service$/, ''),
    String(one.pid),
    duration(one.age),
    `${one.cpu.toFixed(1)} s`,
    `${Math.round(one.memory / 1024)} MiB`,
    one.command,
  ])
  return aligned([head, ...rows])
}

const program = readFileSync(new URL('processes.pl', import.meta.url), 'utf8')
