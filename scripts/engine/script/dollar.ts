import type { ProcessPromise } from 'zx/core'
import type { DollarHost, DollarOptions } from './dollar-host.ts'
import { HostCommand } from './host-command.ts'

/**
 * zx's `$` on a host: ``await host.$`systemctl is-active ${unit}` ``. It gives zx's own ProcessPromise, so that all of zx
 * works: pipes from and to this machine and other hosts, `for await`, `.json()`, `.nothrow()`, `.timeout()`, `.kill()`.
 * Each value is one quoted word, an array as many as it has items. Commands on one host may run at the same time.
 * Rejects with zx's ProcessOutput where the command fails, and with ConnectionLost where its end is unknown.
 */
export interface Dollar {
  (pieces: TemplateStringsArray, ...values: readonly unknown[]): ProcessPromise
  /** The same with other defaults: `const $ = host.$({ cwd: '/srv' })`. */
  (options: DollarOptions): Dollar
}

/** The tag for a host, as root or as `user`. */
export function dollar(host: DollarHost, user?: string, preset: DollarOptions = {}): Dollar {
  function tag(first: TemplateStringsArray | DollarOptions, ...values: readonly unknown[]) {
    if (!isTemplate(first)) return dollar(host, user, { ...preset, ...first })
    return new HostCommand(host, user, preset).run(first, values)
  }
  return tag as Dollar
}

function isTemplate(first: TemplateStringsArray | DollarOptions): first is TemplateStringsArray {
  return Array.isArray(first)
}
