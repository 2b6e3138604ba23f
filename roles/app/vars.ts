import {
  command,
  environmentValue,
  flag,
  group,
  identifier,
  integer,
  list,
  optional,
  type Problem,
  path,
  record,
  seconds,
  secret,
  text,
  type VarsOf,
  vars,
} from '#engine/vars.ts'
import { isWithin } from '#engine/within.ts'
import { reservedFolder, reservedVariable } from './names.ts'
import { releaseVars } from './release-vars.ts'
import { runtimeVars } from './runtime-vars.ts'

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
    release: releaseVars,
    ...runtimeVars,
  },
  {
    ofSite: [
      'environment',
      'database',
      'shared',
      'limits',
      'workers',
      'release',
      ...(Object.keys(runtimeVars) as (keyof typeof runtimeVars)[]),
    ],
  },
)

export default {
  ...app,
  parse(input, site) {
    const parsed = app.parse(input, site)
    if (!parsed.ok) return parsed
    const problems = [...archiveProblems(parsed.value.node), ...folderProblems(parsed.value)]
    return problems.length > 0 ? { ok: false, problems } : parsed
  },
} satisfies typeof app

type App = VarsOf<typeof app>

function archiveProblems({ version, sha256 }: App['node']): readonly Problem[] {
  if ((version === undefined) === (sha256 === undefined)) return []
  const [given, missing] = version === undefined ? ['sha256', 'version'] : ['version', 'sha256']
  const message = `expected the ${missing} of the archive, since ${given} is set; got nothing`
  return [{ path: ['node', missing], message }]
}

/** A folder of a release is either shared or made for it; what is made for it is removed when it is made again. */
function folderProblems({ shared, release: { files, install } }: App): readonly Problem[] {
  if (install.command === undefined) return []
  const others = install.folders.map((folder, index) =>
    [...shared, ...files, ...install.folders.slice(0, index)].find(
      other => isWithin(folder, other) || isWithin(other, folder),
    ),
  )
  return install.folders.flatMap((folder, index) =>
    others[index] === undefined
      ? []
      : [
          {
            path: ['release', 'install', 'folders'],
            message: `expected folders apart from each other, app.shared and app.release.files, got ${folder} and ${others[index]}`,
          },
        ],
  )
}
