import { ownConfig, type Runtime, type RuntimeInput } from './runtimes.ts'

/** A server of the app's own for each release, told the path of the release's socket as PORT. */
export function node({ vars, site }: RuntimeInput): Runtime {
  const { entry, modules } = vars.node
  const preload = 'websockets.cjs'
  return {
    entry,
    upstream: 'http',
    packages: ['nodejs', ...modules.map(name => `node-${name}`)],
    masked: [],
    folders: [],
    config: { files: { [preload]: {} }, test: `node --check /etc/capstan/${site.app}/${preload}` },
    common: ['Environment=NODE_ENV=production'],
    service: [
      'Type=exec',
      `Environment=PORT=/srv/www/${site.app}/releases/%i/run/app.sock`,
      '# What a killed server left would be in the way.',
      "ExecStartPre=/bin/sh -c 'exec rm -f run/app.sock run/websockets.*'",
      `ExecStart=/usr/bin/node --require ${ownConfig(site.app)}/${preload} ${entry}`,
      '# It has started once it listens.',
      "ExecStartPost=/bin/sh -c 'until [ -S run/app.sock ]; do kill -0 $$MAINPID || exit 1; sleep 0.05; done; chmod 660 run/app.sock'",
      'TimeoutStartSec=60',
    ],
    allowed: ['# What node:os asks for.', 'ProcSubset=all', 'RestrictAddressFamilies=AF_NETLINK'],
  }
}
