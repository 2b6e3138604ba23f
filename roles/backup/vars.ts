import {
  flag,
  group,
  identifier,
  integer,
  list,
  optional,
  type Problem,
  path,
  record,
  secret,
  text,
  type Vars,
  type VarsOf,
  vars,
} from '#engine/vars.ts'
import { sftpServer } from './repository.ts'

const declared = vars(
  {
    repository: optional(
      text({
        pattern: /(\/|sftp:\/\/|s3:|rest:https:\/\/|b2:|azure:|gs:|swift:)[\x21-\x7e]+/,
        expects: 'a restic repository such as /mnt/backup, sftp://user@host//path or s3:https://host/bucket',
        is: 'where backups are stored, as restic names it; each host has a folder of its own in it. Unset: no backups',
      }),
    ),
    password: optional(
      secret({
        is: 'the key of the backups. Hosts do not store it, unless `at` is set. Without it nobody can read them',
      }),
    ),
    environment: record(secret(), {
      keys: text({ pattern: /[A-Z][A-Z0-9_]*/, expects: 'the name of a variable such as AWS_ACCESS_KEY_ID' }),
      default: {},
      is: 'what restic needs to log in to the storage: { AWS_ACCESS_KEY_ID: …, AWS_SECRET_ACCESS_KEY: … }',
    }),
    ssh: group({
      key: optional(
        secret({ multiline: true, is: 'sftp: the private key for the storage host, without a passphrase' }),
      ),
      hostKeys: list(
        text({
          pattern: /(ssh-|ecdsa-)[a-z0-9@.-]+ AAAA[A-Za-z0-9+/=]+/,
          expects: 'a host key such as ssh-ed25519 AAAA…',
        }),
        { default: [], is: 'sftp: the host keys of the storage host' },
      ),
    }),
    folders: list(path(), { default: [], is: 'folders to back up beside the shared files of each site' }),
    exclude: list(text(), { default: [], is: 'patterns of files to leave out, as restic reads them: *.tmp' }),
    databases: optional(
      list(identifier(), {
        is: 'databases to back up; default: that of each site. Set it where a site has its database on another server',
      }),
    ),
    forget: flag({
      default: true,
      is: 'remove backups that `keep` does not keep; false for storage that only takes new data',
    }),
    keep: group({
      daily: integer({
        min: 1,
        max: 1000,
        default: 7,
        is: 'for how many days the last backup of the day is kept',
      }),
      weekly: integer({
        min: 0,
        max: 1000,
        default: 5,
        is: 'for how many weeks the last one of the week is kept',
      }),
      monthly: integer({
        min: 0,
        max: 1000,
        default: 12,
        is: 'for how many months the last one of the month is kept',
      }),
    }),
    at: optional(
      text({
        pattern: /([01]\d|2[0-3]):[0-5]\d/,
        expects: 'a time of day such as 02:30',
        is: 'the host backs up by itself at this time. It then stores the password, readable by root. Unset: scripts/backup.mjs starts each backup',
      }),
    ),
    alert: group({
      backup: integer({
        min: 1,
        max: 8760,
        default: 26,
        is: 'hours after the last backup when status.mjs fails',
      }),
      verify: integer({
        min: 1,
        max: 3650,
        default: 8,
        is: 'days after the last restore test when status.mjs fails',
      }),
    }),
  },
  {},
)

export type BackupVars = VarsOf<typeof declared>

const backup: Vars<BackupVars> = {
  ...declared,
  parse(input, site) {
    const parsed = declared.parse(input, site)
    if (!parsed.ok) return parsed
    const problems = problemsOf(parsed.value)
    return problems.length > 0 ? { ok: false, problems } : parsed
  },
}

export default backup

function problemsOf({ repository, password, ssh }: BackupVars): readonly Problem[] {
  if (repository === undefined) return []
  const problems: Problem[] = []
  if (password === undefined)
    problems.push({ path: ['repository'], message: 'expected backup.password beside it, got nothing' })
  if (!repository.startsWith('sftp:')) return problems
  if (sftpServer(repository) === undefined)
    problems.push({
      path: ['repository'],
      message: `expected sftp://user@host//path or sftp://user@host:port//path, got ${JSON.stringify(repository)}`,
    })
  if (ssh.hostKeys.length === 0)
    problems.push({
      path: ['repository'],
      message:
        'expected the host keys of the storage host in backup.ssh.hostKeys, got none: ssh-keyscan shows them',
    })
  return problems
}
