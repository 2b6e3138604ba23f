import type { Runtime } from './runtime.ts'

/** Files alone: nginx serves them, and a release's unit runs nothing. It is there so that all releases are alike. */
export function files(): Runtime {
  return {
    entry: 'public',
    upstream: 'files',
    packages: [],
    masked: [],
    folders: [],
    config: undefined,
    common: [],
    service: ['Type=oneshot', 'RemainAfterExit=yes', 'ExecStart=/usr/bin/test -d public'],
    allowed: [],
  }
}
