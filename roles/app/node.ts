import { ownConfig, type Runtime, type RuntimeInput } from './runtimes.ts'

/** A server of the app's own for each release, told the path of the release's socket as PORT. */
export function node({ vars, site }: RuntimeInput): Runtime {
  const { entry, modules } = vars.node
  const [preload, waiter] = ['websockets.cjs', 'wait-for-socket.pl']
  return {
    entry,
    upstream: 'http',
    packages: ['nodejs', ...modules.map(name => `node-${name}`)],
    masked: [],
    folders: [],
    config: {
      files: { [preload]: {}, [waiter]: { entry } },
      test: `node --check /etc/capstan/${site.app}/${preload} && perl -c /etc/capstan/${site.app}/${waiter}`,
    },
    common: ['Environment=NODE_ENV=production'],
    service: [
      'Type=exec',
      `Environment=PORT=/srv/www/${site.app}/releases/%i/run/app.sock`,
      '# What a killed server left would be in the way.',
      "ExecStartPre=/bin/sh -c 'exec rm -f run/app.sock run/websockets.*'",
      `ExecStart=/usr/bin/node --require ${ownConfig(site.app)}/${preload} ${entry}`,
      '# It has started once it listens.',
      `ExecStartPost=/usr/bin/perl ${ownConfig(site.app)}/${waiter} $MAINPID`,
      'TimeoutStartSec=60',
    ],
    allowed: ['# What node:os asks for.', 'ProcSubset=all', 'RestrictAddressFamilies=AF_NETLINK'],
  }
}
