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
  words: 'a variable’s name of letters, digits and _',
  reserved: reservedVariable,
})

const folder = text({
  pattern: /[a-z0-9][a-z0-9_-]*/,
  max: 64,
  words: 'a folder’s name of small letters, digits, _ and -',
  reserved: reservedFolder,
})

const sharedFile = text({
  pattern: /[^/.][^/]*(\/[^/.][^/]*)*/,
  words: 'a path within shared/',
  // A single file of public/ or deploy/ is a link among the release's own.
  reserved: file => reservedFolder(file) ?? (file.startsWith('run/') ? reservedFolder('run') : undefined),
})

const extension = text({
  pattern: /[a-z0-9][a-z0-9-]*/,
  max: 64,
  words: 'the name of a php extension as Debian’s packages have it, such as gd or redis',
})

const module = text({
  pattern: /[a-z0-9][a-z0-9.-]*/,
  max: 64,
  words: 'a module’s name as Debian’s packages have it, such as pymysql',
})

// php-fpm reads `500ms` as 500 s.
const seconds = (options: { readonly default: string; readonly is: string }) =>
  text({ ...options, pattern: /[1-9]\d{0,5}[smhd]/, words: 'a duration such as 30s, 5m or 1h' })

const day = '(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*'
const days = `${day}((,|\\.\\.)${day})*`
const date = '[0-9*][0-9*.,/]*-[0-9*.,/~-]+'
const time = '[0-9*][0-9*.,/]*(:[0-9*][0-9*.,/]*){1,2}'
const often = 'minutely|hourly|daily|weekly|monthly|quarterly|semiannually|yearly|annually'
// The forms of systemd.time(7), “Calendar events”; what numbers it takes systemd itself judges.
const calendar = new RegExp(
  `(${often}|${days}|(${days} )?(${date}|(${date} )?${time}))( [A-Za-z][A-Za-z0-9_+/-]*)?`,
)

export default vars({
  environment: record(environmentValue(), {
    keys: variable,
    default: {},
    is: 'variables for the app, beside DB_HOST, DB_SOCKET, DB_NAME, DB_USER, DB_PASSWORD, APP and RELEASE; those that the unit sets or that change how programs are loaded (PORT, PATH, HOME, LD_PRELOAD …) are refused',
  }),
  database: group({
    name: identifier({ default: ({ site }) => site.app, is: 'the database, given to the app as DB_NAME' }),
    user: identifier({ default: ({ site }) => site.app, is: 'who the app is to the database, as DB_USER' }),
    password: optional(
      secret({ is: 'the same as mysql.password, as DB_PASSWORD; unset: the app is told of no database' }),
    ),
    socket: path({
      default: '/run/mysqld/mysqld.sock',
      is: 'where the database server listens, as DB_SOCKET',
    }),
    shared: flag({
      default: false,
      is: 'the sockets of all hosts lead to one database, such as a cluster or a proxy; several hosts of an app need it, since a deploy migrates one database',
    }),
  }),
  shared: list(folder, {
    default: ['storage'],
    is: 'folders below shared/ that the app may write to and that all releases have in common',
  }),
  workers: record(
    group({
      command: command({ is: 'what it runs, in the release; a program with a / in it is the release’s own' }),
      schedule: optional(
        text({
          pattern: calendar,
          words: 'a calendar event of systemd such as *:0/5, daily or Mon..Fri 04:30',
          is: 'when it runs; unset: all the time, and again when it ends',
        }),
      ),
      stop: seconds({
        default: '60s',
        is: 'how long it may take to end what it is at once its release is no more the live one; then it is killed',
      }),
    }),
    {
      keys: identifier(),
      default: {},
      is: 'what runs beside the server, for the live release alone: workers of a queue, jobs at a time',
    },
  ),
  release: group({
    source: text({
      default: ({ site }) => `roles/app/examples/${site.runtime}`,
      is: 'the folder that deploy.mjs ships, from the project’s own folder',
    }),
    build: optional(
      text({ is: 'a line of shell that makes the source, run in the project’s folder before each deploy' }),
    ),
    keep: integer({ min: 2, max: 100, default: 5, is: 'good releases that stay on a host to roll back to' }),
    health: group({
      path: text({
        pattern: /\/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*/,
        words: 'a path such as /health',
        default: '/health',
        is: 'what a new release is asked for before and after it is made live; it has to answer 200',
      }),
      timeout: duration({ default: '30s', is: 'how long a new release has until it answers well' }),
      passes: integer({ min: 1, max: 100, default: 2, is: 'good answers in a row that are asked for' }),
    }),
    drain: duration({
      default: '30s',
      is: 'how long the old release may take over the requests it is at; it ends as soon as it has none',
    }),
    assets: duration({
      default: '7d',
      is: 'how long files of public/ with a hash in their name stay after their last release is gone, for pages loaded before; 0s: not at all',
    }),
    serial: optional(
      integer({
        min: 1,
        max: 1000,
        is: 'hosts that switch at a time; unset: all, once the last one is ready',
      }),
    ),
    warm: flag({
      default: false,
      is: 'the release before stays started, so that a rollback has nothing to wait for; it takes memory',
    }),
    files: list(sharedFile, {
      default: [],
      is: 'files of shared/ that a release gets as links, such as config/keys.json; where one is missing a deploy stops',
    }),
    migrate: optional(
      text({
        is: 'the command that migrates the database, run in the release on one host before it is live; unset: deploy/migrate of the source, where it has one',
      }),
    ),
    migrations: optional(
      list(text({ pattern: /[^/.][^/]*(\/[^/.][^/]*)*/, words: 'a path within the source' }), {
        is: 'files and folders that the migrations are made of: as long as they are unchanged, the migrations are not run again; unset: the folder migrations, and where the source has none, all of it',
      }),
    ),
    migrateTimeout: duration({ default: '15m', is: 'how long a migration may take before it is ended' }),
    hookTimeout: duration({ default: '15m', is: 'how long each hook may take before it is ended' }),
  }),
  php: group({
    extensions: list(extension, {
      default: ['curl', 'mbstring', 'mysql', 'xml'],
      is: 'PHP extensions beside those of php-cli',
    }),
    memory: bytes({ default: '128m', is: 'memory that one request may take' }),
    upload: bytes({ default: '16m', is: 'the largest upload; nginx.body must let it through' }),
    timeout: seconds({ default: '60s', is: 'how long one request may take before it is ended' }),
    workers: optional(
      integer({ min: 1, max: 1000, is: 'requests at once; unset: by the host’s memory, 64 MiB for each' }),
    ),
  }),
  python: group({
    server: choice(['gunicorn', 'uwsgi'], { default: 'gunicorn', is: 'the server that runs the app' }),
    application: text({
      pattern: /[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*/,
      words: 'a module and a name in it, such as wsgi:application',
      default: 'wsgi:application',
      is: 'the WSGI app within the release, as module:name',
    }),
    modules: list(module, {
      default: ['pymysql'],
      is: 'Debian’s packages for the app, python3-<name>; what a build put into vendor/ wins over them',
    }),
    workers: optional(
      integer({ min: 1, max: 256, is: 'processes; unset: by the host’s CPUs and memory, 128 MiB for each' }),
    ),
    threads: integer({ min: 1, max: 256, default: 4, is: 'requests at once in each process' }),
    timeout: seconds({
      default: '60s',
      is: 'how long a process may be stuck (gunicorn) or a request take (uwsgi) before it is ended',
    }),
  }),
  node: group({
    entry: text({
      pattern: /[A-Za-z0-9_][A-Za-z0-9._-]*(\/[A-Za-z0-9_][A-Za-z0-9._-]*)*/,
      words: 'a file within the release, such as server.js',
      default: 'server.js',
      is: 'what node runs; it listens on PORT, the path of a socket, and ends well on SIGTERM',
    }),
    modules: list(module, {
      default: ['mysql'],
      is: 'Debian’s packages for the app, node-<name>; node_modules/ in the release wins over them',
    }),
  }),
})
