import { CapstanError } from '#engine/errors.ts'

/**
 * Throws CapstanError when the app would take over an account or a unit of the host's own: its name becomes a
 * user, `<app>.service` and `<app>@.service`.
 */
export function refuseTaken(app: string): void {
  if (!taken.test(app)) return
  throw new CapstanError(
    'app-name',
    `site.app: expected a name that the system has no use for itself, got “${app}”`,
    {
      hint: 'It becomes a unix user, a unit of systemd and a folder in /srv/www. Name the app after the site.',
    },
  )
}

/** Why a variable can't be one of `app.environment`; undefined for one that can. */
export function reservedVariable(name: string): string | undefined {
  return reservedVariables.find(([names]) => names.test(name))?.[1]
}

/** Why a name can't be one of `app.shared` or begin a path of `app.release.files`; undefined for one that can. */
export function reservedFolder(name: string): string | undefined {
  return reservedFolders[name]
}

/** Why a path can't be made or linked in a release; undefined for one that can. */
export function reservedPath(path: string): string | undefined {
  const [first = ''] = path.split('/')
  return reservedFolder(path) ?? (first === 'run' || first === '.capstan' ? reservedFolder(first) : undefined)
}

const reservedVariables: readonly (readonly [names: RegExp, why: string])[] = [
  [/^(APP|RELEASE|REF|HOW)$/, 'tells the app, its hooks and each deploy which release runs'],
  [/^PORT$/, 'is the path of the socket that nginx reaches the app on'],
  [/^PYTHONPATH$/, 'leads to vendor/ of the release'],
  [/^PHP_INI_SCAN_DIR$/, 'leads to the settings of app.php'],
  [/^(HOME|USER|LOGNAME|SHELL|PWD)$/, 'systemd sets from the app’s own user'],
  [/^PATH$/, 'decides which programs run; give a program by its whole path instead'],
  [
    /^(LD_.*|GLIBC_TUNABLES|GCONV_PATH|LOCPATH|PYTHONHOME|BASH_ENV|BASHOPTS|SHELLOPTS|IFS)$/,
    'changes how every program of the unit is loaded or run, those of root among them',
  ],
  [
    /^(NOTIFY_SOCKET|WATCHDOG_(PID|USEC)|LISTEN_(FDS|PID|FDNAMES)|FPM_SOCKETS|MAINPID|MANAGERPID|INVOCATION_ID|JOURNAL_STREAM|SYSTEMD_.*|(RUNTIME|STATE|CACHE|LOGS|CONFIGURATION|CREDENTIALS)_DIRECTORY)$/,
    'is how systemd and the app’s server talk to each other',
  ],
]

const reservedFolders: Readonly<Record<string, string>> = {
  run: 'is where a release has its socket',
  public: 'is what nginx serves: share a folder below another name and link to it from public/',
  deploy: 'is where a release has its hooks, which the app must not change',
  sessions: 'is where PHP keeps the sessions, for the app alone',
  maintenance: 'is the file of shared/ that turns maintenance on',
  '.capstan': 'is where a release has its manifest and configuration',
}

// Accounts of base-passwd and of the packages a web server has; units of systemd and of these packages.
const taken =
  /^(root|daemon|bin|sys|sync|games|man|lp|mail|news|uucp|proxy|www-data|backup|list|irc|gnats|nobody|messagebus|sshd?|dbus|cron|anacron|nginx|apache2?|httpd|mysqld?|mariadb|postgres(ql)?|pdns|named|bind9?|redis(-server)?|memcached|certbot|pebble|apt-daily|logrotate|networking|network|nftables|iptables|ufw|rsyslog|sudo|sudoers|adm|user|getty|console-getty|container-getty|serial-getty|autovt|modprobe|rescue|emergency|quotaon|fstrim|man-db|e2scrub_all|capstan|_.*|systemd.*|dbus-.*|polkitd?|php.*)$/
