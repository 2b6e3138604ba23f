import { quote } from '#engine/quote.ts'
import { systemPath } from '#engine/resources/release/script.ts'
import type { System } from '#engine/systems.ts'
import { ownConfig, type Runtime, type RuntimeInput } from './runtime.ts'

/** php-fpm: a master and its workers for each release, unprivileged, on the release's own socket. */
export function php({ vars, site, facts }: RuntimeInput): Runtime {
  const version = vars.php.version ?? versions[facts.system]
  const home = `/opt/php-${version}`
  const server = `/usr/sbin/php-fpm${version}`
  const config = `/etc/capstan/${site.app}`
  const own = ownConfig(site.app)
  return {
    entry: 'public/index.php',
    upstream: 'fastcgi',
    packages: [
      `php${version}-fpm`,
      `php${version}-cli`,
      ...vars.php.extensions.map(extension => `php${version}-${extension}`),
    ],
    masked: [`php${version}-fpm.service`],
    folders: ['sessions'],
    // Elsewhere, php is the newest one on the host.
    links: { [`${home}/bin/php`]: `/usr/bin/php${version}` },
    environment: { PATH: `${home}/bin:${systemPath}` },
    config: {
      files: {
        'php-fpm.conf': { app: site.app, timeout: vars.php.timeout, pool: pool(vars.php.workers, facts) },
        'php/90-app.ini': { app: site.app, memory: vars.php.memory, upload: vars.php.upload },
      },
      test: `PHP_INI_SCAN_DIR=:${config}/php runuser -u ${quote(site.app)} -- ${server} --test --prefix /srv/www/${site.app} --fpm-config ${config}/php-fpm.conf`,
    },
    common: [`Environment=PHP_INI_SCAN_DIR=:${own}/php`, 'MemoryDenyWriteExecute=yes'],
    service: [
      'Type=notify',
      `ExecStart=${server} --nodaemonize --prefix /srv/www/${site.app}/releases/%i --fpm-config ${own}/php-fpm.conf`,
      '# It takes no more requests, ends those it has and leaves.',
      'KillSignal=SIGQUIT',
      '# Its own word for a configuration it can’t start with.',
      'RestartPreventExitStatus=78',
    ],
    allowed: [],
  }
}

// Source: package php-defaults of each.
const versions: Readonly<Record<System, string>> = {
  'debian 12': '8.2',
  'debian 13': '8.4',
  'debian sid': '8.4',
  'ubuntu 22.04': '8.1',
  'ubuntu 24.04': '8.3',
}

interface Pool {
  readonly most: number
  readonly start: number
  readonly leastIdle: number
  readonly mostIdle: number
}

/** How many workers: half the memory beyond the system's 512 MiB at 64 MiB each; at rest two a CPU. */
export function pool(
  most: number | undefined,
  host: { readonly memory: number; readonly cpus: number },
): Pool {
  const fits = Math.floor((host.memory - 512) / 2 / 64)
  const all = most ?? Math.min(256, Math.max(2, fits))
  const start = Math.min(all, Math.max(2, host.cpus * 2))
  return {
    most: all,
    start,
    leastIdle: Math.min(start, Math.max(1, host.cpus)),
    mostIdle: Math.min(all, start * 2),
  }
}
