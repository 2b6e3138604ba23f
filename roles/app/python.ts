import { quote } from '#engine/quote.ts'
import { systemPath } from '#engine/resources/release/script.ts'
import { ownConfig, type Runtime, type RuntimeInput } from './runtime.ts'

/** A WSGI app: a master and its workers for each release, on the release's own socket. */
export function python(input: RuntimeInput): Runtime {
  return input.vars.python.server === 'uwsgi' ? uwsgi(input) : gunicorn(input)
}

function gunicorn({ vars, site, facts }: RuntimeInput): Runtime {
  const { application, modules, threads, timeout, workers } = vars.python
  const config = `/etc/capstan/${site.app}/gunicorn.conf.py`
  return {
    ...plain,
    entry: entryOf(application),
    packages: ['python3-gunicorn', ...modules.map(name => `python3-${name}`)],
    config: {
      files: {
        'gunicorn.conf.py': {
          app: site.app,
          workers: processes(workers, facts),
          threads,
          timeout: secondsOf(timeout),
        },
      },
      // The app is the release's; anything callable stands in for it.
      test: `runuser -u ${quote(site.app)} -- python3 -B -m gunicorn --check-config --config ${config} --chdir / os:getcwd`,
    },
    common: common(site.app),
    service: [
      'Type=notify',
      `ExecStart=/usr/bin/env python3 -m gunicorn --config ${ownConfig(site.app)}/gunicorn.conf.py ${application}`,
    ],
    allowed: ['# Its workers set the user that they have already.', 'SystemCallFilter=@setuid'],
  }
}

function uwsgi({ vars, site, facts }: RuntimeInput): Runtime {
  const { application, modules, threads, timeout, workers } = vars.python
  const config = `/etc/capstan/${site.app}/uwsgi.ini`
  return {
    ...plain,
    entry: entryOf(application),
    packages: ['uwsgi-core', 'uwsgi-plugin-python3', ...modules.map(name => `python3-${name}`)],
    config: {
      files: {
        'uwsgi.ini': {
          app: site.app,
          workers: processes(workers, facts),
          threads,
          timeout: secondsOf(timeout),
        },
      },
      test: `runuser -u ${quote(site.app)} -- uwsgi --ini ${config} --no-server`,
    },
    common: common(site.app),
    service: [
      'Type=notify',
      `ExecStart=/usr/bin/uwsgi --ini ${ownConfig(site.app)}/uwsgi.ini --http-socket /srv/www/${site.app}/releases/%i/run/app.sock --module ${application}`,
    ],
    allowed: [],
  }
}

// A virtual environment of the release comes first where there is one, and then what a build has put into vendor/.
function common(app: string): readonly string[] {
  const release = `/srv/www/${app}/releases/%i`
  return [
    `Environment=PATH=${release}/venv/bin:${systemPath} PYTHONPATH=${release}/vendor`,
    'MemoryDenyWriteExecute=yes',
  ]
}

const plain = { upstream: 'http', masked: [], folders: [] } as const

/** Of `wsgi:application` the file of its module, of `shop.wsgi:application` the package's folder. */
function entryOf(application: string): string {
  const [module = ''] = application.split(':')
  const [first = '', ...rest] = module.split('.')
  return rest.length === 0 ? `${first}.py` : first
}

/** Processes that a host has room for: two a CPU and one, in half the memory beyond the system's 512 MiB. */
export function processes(
  most: number | undefined,
  { memory, cpus }: { readonly memory: number; readonly cpus: number },
): number {
  const fits = Math.floor((memory - 512) / 2 / 128)
  return most ?? Math.max(2, Math.min(cpus * 2 + 1, fits))
}

/** Of `30s`, `5m`, `1h`, `1d`. */
function secondsOf(duration: string): number {
  const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }
  return Number.parseInt(duration, 10) * (units[duration.slice(-1)] ?? Number.NaN)
}
