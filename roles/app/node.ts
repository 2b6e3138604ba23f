import type { Runtime, RuntimeInput } from './runtimes.ts'

/** A server of the app's own for each release, told the path of the release's socket as PORT. */
export function node({ vars, site }: RuntimeInput): Runtime {
  const { entry, modules } = vars.node
  return {
    packages: ['nodejs', ...modules.map(name => `node-${name}`)],
    masked: [],
    folders: [],
    config: undefined,
    common: ['Environment=NODE_ENV=production'],
    service: [
      'Type=exec',
      `Environment=PORT=/srv/www/${site.app}/releases/%i/run/app.sock`,
      '# One that a killed server left would be in the way.',
      'ExecStartPre=/bin/rm -f run/app.sock',
      `ExecStart=/usr/bin/node ${entry}`,
      '# It has started once it listens.',
      "ExecStartPost=/bin/sh -c 'until [ -S run/app.sock ]; do kill -0 $$MAINPID || exit 1; sleep 0.05; done; chmod 660 run/app.sock'",
      'TimeoutStartSec=60',
    ],
    allowed: ['# What node:os asks for.', 'ProcSubset=all', 'RestrictAddressFamilies=AF_NETLINK'],
  }
}
