import type { Facts } from '#engine/converge/facts.ts'
import type { AppVars } from './runtime.ts'

/** Lines of [Service]: what the app may take of its host, so that nginx, the database and ssh have the rest. Source: systemd.resource-control(5). */
export function limitLines({ limits }: AppVars, { cpus }: Pick<Facts, 'cpus'>): readonly string[] {
  return [
    `MemoryMax=${limits.memory.toUpperCase()}`,
    // 100 % is one CPU.
    `CPUQuota=${limits.cpu ?? cpus * 90}%`,
    `TasksMax=${limits.tasks}`,
  ]
}
