import { ownConfig, type Runtime } from './runtime.ts'

/** What a server listens on, for a runtime that has no setting of its own for that. */
export interface Listening {
  readonly app: string
  /** What the operator knows the server by: `server.js`. */
  readonly entry: string
  readonly listens: 'socket' | 'port'
  /** The line that starts it. */
  readonly start: string
  /** What a killed server of the runtime leaves in run/ beside its socket. */
  readonly leaves?: string
}

/**
 * PORT is the path of the release's socket, or a TCP port of its own, to which a proxy connects the socket. The server has
 * started once it listens.
 */
export function listening({ app, entry, listens, start, leaves = '' }: Listening): {
  readonly files: NonNullable<Runtime['config']>['files']
  readonly test: string
  readonly port: boolean
  /** nftables, whose rules say who connects to the port. */
  readonly packages: readonly string[]
  readonly service: readonly string[]
} {
  const own = ownConfig(app)
  const release = `/srv/www/${app}/releases/%i`
  const port = listens === 'port'
  const scripts = port ? ['choose-port.pl', 'wait-for-port.pl'] : ['wait-for-socket.pl']
  const old = [...(port ? [] : ['run/app.sock']), leaves].filter(Boolean).join(' ')
  return {
    port,
    packages: port ? ['nftables'] : [],
    files: Object.fromEntries(scripts.map(name => [name, { app, entry }])),
    test: scripts.map(name => `perl -c /etc/capstan/${app}/${name}`).join(' && '),
    service: [
      'Type=exec',
      ...(port
        ? [
            'Environment=HOST=127.0.0.1',
            `EnvironmentFile=-${release}/.capstan/port`,
            `ExecStartPre=+/usr/bin/perl ${own}/choose-port.pl ${release}`,
          ]
        : [`Environment=PORT=${release}/run/app.sock`]),
      ...(old === ''
        ? []
        : [
            '# What a killed server left would be in the way.',
            `ExecStartPre=/bin/sh -c 'exec rm -f ${old}'`,
          ]),
      start,
      '# It has started once it listens.',
      `ExecStartPost=/usr/bin/perl ${own}/wait-for-${listens}.pl $MAINPID`,
      'TimeoutStartSec=60',
    ],
  }
}
