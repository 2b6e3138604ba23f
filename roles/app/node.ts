import type { Facts } from '#engine/converge/facts.ts'
import { ownConfig, type Runtime, type RuntimeInput } from './runtimes.ts'

/** A server of the app's own for each release, told what to listen on as PORT: the path of the release's socket, or a TCP port. */
export function node({ vars, site, facts }: RuntimeInput): Runtime {
  const { entry, listens, version } = vars.node
  const own = ownConfig(site.app)
  const release = `/srv/www/${site.app}/releases/%i`
  const preload = 'websockets.cjs'
  const home = version === undefined ? undefined : `/opt/node-${version}`
  const program = home === undefined ? '/usr/bin/node' : `${home}/bin/node`
  const modules = vars.node.modules ?? (home === undefined ? ['mysql'] : [])
  const isPort = listens === 'port'
  const scripts = isPort ? ['choose-port.pl', 'wait-for-port.pl'] : ['wait-for-socket.pl']
  const start = `ExecStart=${program} --require ${own}/${preload} ${entry}`
  return {
    entry,
    upstream: 'http',
    packages: [...(home === undefined ? ['nodejs'] : []), ...modules.map(name => `node-${name}`)],
    masked: [],
    folders: [],
    config: {
      files: Object.fromEntries([preload, ...scripts].map(name => [name, { entry }])),
      test: [
        `${program} --check /etc/capstan/${site.app}/${preload}`,
        ...scripts.map(name => `perl -c /etc/capstan/${site.app}/${name}`),
      ].join(' && '),
    },
    ...(home && {
      archives: [{ path: home, ...archiveOf(version ?? '', vars.node, facts) }],
      environment: {
        PATH: `${home}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
        // Debian's modules are where Debian's Node looks.
        ...(modules.length > 0 && { NODE_PATH: '/usr/share/nodejs' }),
      },
    }),
    port: isPort,
    common: ['Environment=NODE_ENV=production'],
    service: isPort
      ? [
          'Type=exec',
          'Environment=HOST=127.0.0.1',
          `EnvironmentFile=-${release}/.capstan/port`,
          `ExecStartPre=+/usr/bin/perl ${own}/choose-port.pl ${release}`,
          "ExecStartPre=/bin/sh -c 'exec rm -f run/websockets.*'",
          start,
          '# It has started once it listens.',
          `ExecStartPost=/usr/bin/perl ${own}/wait-for-port.pl $MAINPID`,
          'TimeoutStartSec=60',
        ]
      : [
          'Type=exec',
          `Environment=PORT=${release}/run/app.sock`,
          '# What a killed server left would be in the way.',
          "ExecStartPre=/bin/sh -c 'exec rm -f run/app.sock run/websockets.*'",
          start,
          '# It has started once it listens.',
          `ExecStartPost=/usr/bin/perl ${own}/wait-for-socket.pl $MAINPID`,
          'TimeoutStartSec=60',
        ],
    allowed: ['# What node:os asks for.', 'ProcSubset=all', 'RestrictAddressFamilies=AF_NETLINK'],
  }
}

/** The official archive of a version, unless the inventory names another one. */
function archiveOf(
  version: string,
  { url, sha256 = '' }: RuntimeInput['vars']['node'],
  { architecture }: Pick<Facts, 'architecture'>,
) {
  const machine = { x86_64: 'x64', aarch64: 'arm64' }[architecture] ?? architecture
  const official = `https://nodejs.org/dist/v${version}/node-v${version}-linux-${machine}.tar.gz`
  return { url: url ?? official, sha256 }
}
