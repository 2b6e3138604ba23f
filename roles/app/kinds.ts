/** What is known of a runtime by its name. */
export interface RuntimeKind {
  /** For the description of `site.runtime`; absent: its name says it. */
  readonly description?: string
  /** What `app.mjs console` starts by default. */
  readonly console: readonly string[]
  /** The folder that its package manager fills. */
  readonly installs: string
  /** All files that it may have below /etc/capstan/<app>. */
  readonly files: readonly string[]
}

const listening = ['wait-for-socket.pl', 'choose-port.pl', 'wait-for-port.pl']

/** The values of `site.runtime`. A new one is a line here, a file like php.ts, and a line in runtimes.ts. */
export const kinds = {
  php: {
    description: 'PHP-FPM',
    console: ['php', '-a'],
    installs: 'vendor',
    files: ['php-fpm.conf', 'php/90-app.ini'],
  },
  python: {
    description: 'gunicorn or uWSGI',
    console: ['python3'],
    installs: 'venv',
    files: ['gunicorn.conf.py', 'uwsgi.ini'],
  },
  node: { console: ['node'], installs: 'node_modules', files: ['websockets.cjs', ...listening] },
  program: { description: 'any other server', console: ['sh'], installs: 'vendor', files: listening },
  static: { description: 'files only', console: ['sh'], installs: 'node_modules', files: [] },
} as const satisfies Readonly<Record<string, RuntimeKind>>

export type RuntimeName = keyof typeof kinds

/** `site.runtime`, which roles/site.ts takes from `kinds`. */
export function runtimeName({ runtime }: { readonly runtime: string }): RuntimeName {
  return runtime as RuntimeName
}

/** What `app.mjs console` starts by default, by runtime; run/project.ts loads it. @public */
export const consoles: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries(kinds).map(([name, kind]) => [name, kind.console]),
)
