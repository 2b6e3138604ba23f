import {
  bytes,
  choice,
  command,
  duration,
  environmentValue,
  flag,
  group,
  identifier,
  integer,
  list,
  optional,
  path,
  record,
  secret,
  text,
  vars,
} from '#engine/vars.ts'
import { reservedFolder, reservedVariable } from './names.ts'

const variable = text({
  pattern: /[A-Za-z_][A-Za-z0-9_]*/,
  max: 128,
  expects: 'a variable’s name of letters, digits and _',
  reserved: reservedVariable,
})

const folder = text({
  pattern: /[a-z0-9][a-z0-9_-]*/,
  max: 64,
  expects: 'a folder’s name of small letters, digits, _ and -',
  reserved: reservedFolder,
})

const sharedFile = text({
  pattern: /[^/.][^/]*(\/[^/.][^/]*)*/,
  expects: 'a path within shared/',
  // A single file of public/ or deploy/ is a link among the release's own.
  reserved: file => reservedFolder(file) ?? (file.startsWith('run/') ? reservedFolder('run') : undefined),
})

const extension = text({
  pattern: /[a-z0-9][a-z0-9-]*/,
  max: 64,
  expects: 'the name of a php extension as Debian’s packages have it, such as gd or redis',
})

const module = text({
  pattern: /[a-z0-9][a-z0-9.-]*/,
  max: 64,
  expects: 'a module’s name as Debian’s packages have it, such as pymysql',
})

// php-fpm reads `500ms` as 500 s.
const seconds = (options: { readonly default: string; readonly is: string }) =>
  text({ ...options, pattern: /[1-9]\d{0,5}[smhd]/, expects: 'a duration such as 30s, 5m or 1h' })

const day = '(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*'
const days = `${day}((,|\\.\\.)${day})*`
const date = '[0-9*][0-9*.,/]*-[0-9*.,/~-]+'
const time = '[0-9*][0-9*.,/]*(:[0-9*][0-9*.,/]*){1,2}'
const often = 'minutely|hourly|daily|weekly|monthly|quarterly|semiannually|yearly|annually'
// The forms of systemd.time(7), “Calendar events”; systemd itself checks the numbers.
const calendar = new RegExp(
  `(${often}|${days}|(${days} )?(${date}|(${date} )?${time}))( [A-Za-z][A-Za-z0-9_+/-]*)?`,
)

const app = vars(
  {
    environment: record(environmentValue(), {
      keys: variable,
      default: {},
      is: 'environment variables of the app, in addition to DB_HOST, DB_SOCKET, DB_NAME, DB_USER, DB_PASSWORD, APP and RELEASE; names that the unit sets or that change how programs load (PORT, PATH, HOME, LD_PRELOAD …) are refused',
    }),
    database: group({
      name: identifier({ default: ({ site }) => site.database.name, is: 'name of the database (DB_NAME)' }),
      user: identifier({ default: ({ site }) => site.database.user, is: 'database user (DB_USER)' }),
      password: optional(
        secret({
          is: 'database password (DB_PASSWORD); default: that of site.database. Without one, the app gets no DB_ variables',
        }),
        ({ site }) => site.database.password,
      ),
      socket: path({
        default: '/run/mysqld/mysqld.sock',
        is: 'Unix socket of the database server (DB_SOCKET)',
      }),
      shared: flag({
        default: false,
        is: 'true if the socket of every host leads to the same database (a cluster or a proxy); required for an app on several hosts, because a deploy migrates one database',
      }),
    }),
    shared: list(folder, {
      default: ['storage'],
      is: 'folders in shared/ that the app can write to; all releases share them',
    }),
    limits: group({
      memory: text({
        pattern: /[1-9]\d?%|[1-9]\d{0,11}[kmgKMG]/,
        expects: 'a size such as 512m or 2g, or a share such as 75%',
        default: '75%',
        is: 'the memory that a release may take, and each worker; a share is of the host’s memory',
      }),
      cpu: optional(
        integer({
          min: 1,
          max: 100_000,
          is: 'the CPU time that it may take, in percent of one CPU; unset: nine tenths of all',
        }),
      ),
      tasks: integer({
        min: 16,
        max: 1_000_000,
        default: 1024,
        is: 'the processes and threads that it may have',
      }),
    }),
    workers: record(
      group({
        command: command({
          is: 'program and arguments, run in the release folder; a program name with a / is a path in the release',
        }),
        schedule: optional(
          text({
            pattern: calendar,
            expects: 'a calendar event of systemd such as *:0/5, daily or Mon..Fri 04:30',
            is: 'when the job starts; default: it runs all the time and is restarted when it exits',
          }),
        ),
        stop: seconds({
          default: '60s',
          is: 'grace period to finish the current job after its release is replaced; then it is killed',
        }),
      }),
      {
        keys: identifier(),
        default: {},
        is: 'queue workers and scheduled jobs of the live release',
      },
    ),
    release: group({
      source: text({
        default: ({ site }) => `roles/app/examples/${site.runtime}`,
        is: 'folder that deploy.mjs ships, relative to the project folder',
      }),
      build: optional(
        text({ is: 'shell command that builds the source; runs in the project folder before each deploy' }),
      ),
      keep: integer({
        min: 2,
        max: 100,
        default: 5,
        is: 'number of good releases to keep on a host for rollbacks',
      }),
      health: group({
        path: text({
          pattern: /\/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*/,
          expects: 'a path such as /health',
          default: '/health',
          is: 'path of the health check before and after the switch; it must return 200',
        }),
        timeout: duration({ default: '30s', is: 'time limit for the health check of a new release' }),
        passes: integer({ min: 1, max: 100, default: 2, is: 'number of successful health checks in a row' }),
      }),
      drain: duration({
        default: '30s',
        is: 'longest time the old release gets to finish its requests; it stops as soon as it has none in flight',
      }),
      assets: duration({
        default: '7d',
        is: 'how long files of public/ with a hash in their name stay available after their last release is removed, for pages that are already loaded; 0s: not at all',
      }),
      serial: optional(
        integer({
          min: 1,
          max: 1000,
          is: 'number of hosts that switch at the same time; default: all, once every host is ready',
        }),
      ),
      warm: flag({
        default: false,
        is: 'keep the previous release running for a faster rollback; this takes memory',
      }),
      files: list(sharedFile, {
        default: [],
        is: 'files of shared/ to link into each release, such as config/keys.json; a deploy stops if one is missing',
      }),
      migrate: optional(
        text({
          is: 'command that migrates the database; runs on one host, in the release folder, before the switch; default: deploy/migrate of the source, if it exists',
        }),
      ),
      migrations: optional(
        list(text({ pattern: /[^/.][^/]*(\/[^/.][^/]*)*/, expects: 'a path within the source' }), {
          is: 'files and folders of the migrations; a deploy skips the migrations while these are unchanged; default: the folder migrations, or the whole source if there is no such folder',
        }),
      ),
      migrateTimeout: duration({ default: '15m', is: 'time limit of the migration' }),
      hookTimeout: duration({ default: '15m', is: 'time limit of each hook' }),
    }),
    php: group({
      extensions: list(extension, {
        default: ['curl', 'mbstring', 'mysql', 'xml'],
        is: 'PHP extensions in addition to those of php-cli',
      }),
      memory: bytes({ default: '128m', is: 'memory limit of one request' }),
      upload: bytes({ default: '16m', is: 'largest upload; nginx.body must be at least as large' }),
      timeout: seconds({ default: '60s', is: 'time limit of one request' }),
      workers: optional(
        integer({
          min: 1,
          max: 1000,
          is: 'number of concurrent requests; default: half of the host’s memory above 512 MiB, at 64 MiB each',
        }),
      ),
    }),
    python: group({
      server: choice(['gunicorn', 'uwsgi'], { default: 'gunicorn', is: 'application server' }),
      application: text({
        pattern: /[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*/,
        expects: 'a module and a name in it, such as wsgi:application',
        default: 'wsgi:application',
        is: 'WSGI application in the release, as module:name',
      }),
      modules: list(module, {
        default: ['pymysql'],
        is: 'Debian packages to install, as python3-<name>; modules in vendor/ of the release take precedence',
      }),
      workers: optional(
        integer({
          min: 1,
          max: 256,
          is: 'number of processes; default: two per CPU plus one, at most half of the host’s memory above 512 MiB at 128 MiB each',
        }),
      ),
      threads: integer({ min: 1, max: 256, default: 4, is: 'number of concurrent requests per process' }),
      timeout: seconds({
        default: '60s',
        is: 'time limit of a blocked process (gunicorn) or of a request (uWSGI)',
      }),
    }),
    program: group({
      command: command({
        default: ['bin/server'],
        is: 'program and arguments, run in the release folder; a program name with a / is a path in the release. It must listen on PORT (see listens) and finish its requests on SIGTERM',
      }),
      listens: choice(['socket', 'port'], {
        default: 'socket',
        is: 'what PORT is: the path of a Unix socket, or a TCP port of 127.0.0.1, another one for each release',
      }),
      packages: list(module, { default: [], is: 'Debian packages that it needs, such as ruby' }),
    }),
    node: group({
      entry: text({
        pattern: /[A-Za-z0-9_][A-Za-z0-9._-]*(\/[A-Za-z0-9_][A-Za-z0-9._-]*)*/,
        expects: 'a file within the release, such as server.js',
        default: 'server.js',
        is: 'file that Node runs; it must listen on PORT (see listens) and shut down cleanly on SIGTERM',
      }),
      listens: choice(['socket', 'port'], {
        default: 'socket',
        is: 'what PORT is: the path of a Unix socket, or for an app that can’t listen on one, a TCP port of 127.0.0.1, another one for each release',
      }),
      version: optional(
        text({
          pattern: /\d{2}\.\d{1,3}\.\d{1,3}/,
          expects: 'a version such as 22.11.0',
          is: 'version of Node, from the official archive; sites can have different ones; default: the version of Debian',
        }),
      ),
      sha256: optional(
        text({
          pattern: /[0-9a-f]{64}/,
          expects: '64 hex digits',
          is: 'checksum of that archive, node-v<version>-linux-<x64 or arm64>.tar.gz, from https://nodejs.org/dist/v<version>/SHASUMS256.txt; required with version',
        }),
      ),
      url: optional(
        text({
          pattern: /https?:\/\/[A-Za-z0-9.:@%_~/+-]+\.(tar\.gz|tgz)/,
          expects: 'the URL of a .tar.gz',
          is: 'URL of the archive on a mirror; bin/node must be in its top folder',
        }),
      ),
      modules: optional(
        list(module, {
          is: 'Debian packages to install, as node-<name>; node_modules/ of the release takes precedence; default: mysql with the Node of Debian, none with another version',
        }),
      ),
    }),
  },
  {
    ofSite: [
      'environment',
      'database',
      'shared',
      'limits',
      'workers',
      'release',
      'php',
      'python',
      'program',
      'node',
    ],
  },
)

export default {
  ...app,
  parse(input, site) {
    const parsed = app.parse(input, site)
    if (!parsed.ok || (parsed.value.node.version === undefined) === (parsed.value.node.sha256 === undefined))
      return parsed
    const [given, missing] =
      parsed.value.node.version === undefined ? ['sha256', 'version'] : ['version', 'sha256']
    const message = `expected the ${missing} of the archive, since ${given} is set; got nothing`
    return { ok: false, problems: [{ path: ['node', missing], message }] }
  },
} satisfies typeof app
