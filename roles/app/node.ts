import type { Facts } from '#engine/converge/facts.ts'
import { systemPath } from '#engine/resources/release/script.ts'
import { listening } from './listening.ts'
import { ownConfig, type Runtime, type RuntimeInput } from './runtime.ts'

/** A server of the app's own for each release, told what to listen on as PORT: the path of the release's socket, or a TCP port. */
export function node({ vars, site, facts }: RuntimeInput): Runtime {
  const { entry, listens, version } = vars.node
  const preload = 'websockets.cjs'
  const home = version === undefined ? undefined : `/opt/node-${version}`
  const node = home === undefined ? '/usr/bin/node' : `${home}/bin/node`
  const modules = vars.node.modules ?? (home === undefined ? ['mysql'] : [])
  const start = `ExecStart=${node} --require ${ownConfig(site.app)}/${preload} ${entry}`
  const { files, test, port, packages, service } = listening({
    ...{ app: site.app, entry, listens, start },
    leaves: 'run/websockets.*',
  })
  return {
    entry,
    upstream: 'http',
    packages: [
      ...packages,
      ...(home === undefined ? ['nodejs'] : []),
      ...modules.map(name => `node-${name}`),
    ],
    masked: [],
    folders: [],
    config: {
      files: { [preload]: {}, ...files },
      test: `${node} --check /etc/capstan/${site.app}/${preload} && ${test}`,
    },
    ...(home && {
      archives: [{ path: home, ...archiveOf(version ?? '', vars.node, facts) }],
      environment: {
        PATH: `${home}/bin:${systemPath}`,
        // Debian's modules are where Debian's Node looks.
        ...(modules.length > 0 && { NODE_PATH: '/usr/share/nodejs' }),
      },
    }),
    port,
    common: ['Environment=NODE_ENV=production'],
    service,
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
