import { readFileSync } from 'node:fs'
import { role } from '#engine/converge/role.ts'
import { quote, quoteAll } from '#engine/quote.ts'
import { readRoleFile } from '#engine/resources/role-file.ts'
import type { Host } from '#engine/script/host.ts'
import { backUp, listBackups, verifyBackups } from './backups.ts'
import { credentials } from './credentials.ts'
import { databasesOf, sharedFolder, zoneKeys } from './folders.ts'
import { sftpServer } from './repository.ts'
import { planRestore, problemOf, type RestorePlan, type RestoreRequest, restore } from './restore.ts'
import vars from './vars.ts'

/** restic, and the program that backs up and restores with it. Without `backup.repository`, no host backs up by itself. */
const backup = role(import.meta, {
  vars,
  tasks({ vars, sites, host, apt, directory, file, template, timer }) {
    const { repository, keep } = vars
    const stored = '/etc/capstan-backup/credentials'
    if (repository === undefined) {
      timer.absent('capstan-backup')
      file.absent(stored)
      return
    }
    const server = sftpServer(repository)
    apt('restic')
    if (server) apt('openssh-client')
    directory('/etc/capstan-backup', { mode: '0700' })
    const all = sites.map(({ site }) => site)
    const databases = databasesOf(all, vars)
    template('/etc/capstan-backup/backup.conf', {
      mode: '0600',
      vars: {
        host: quote(host.name),
        repository: quote(repository.replace(/\/+$/, '')),
        sftp: { host: quote(server?.host ?? ''), port: server?.port ?? 22, user: quote(server?.user ?? '') },
        databases: quoteAll([...new Set(databases)]),
        folders: quoteAll([...all.map(({ app }) => sharedFolder(app)), zoneKeys, ...vars.folders]),
        exclude: quoteAll(vars.exclude),
        keep,
        forget: vars.forget ? 'yes' : 'no',
      },
    })
    if (server) {
      const name = server.port === 22 ? server.host : `[${server.host}]:${server.port}`
      file('/etc/capstan-backup/known_hosts', {
        content: vars.ssh.hostKeys.map(key => `${name} ${key}\n`).join(''),
      })
    } else file.absent('/etc/capstan-backup/known_hosts')
    file('/usr/local/sbin/capstan-backup', { content: program, mode: '0700' })

    if (vars.at === undefined) {
      timer.absent('capstan-backup')
      file.absent(stored)
    } else {
      file(stored, { content: credentials(vars), mode: '0600' })
      timer('capstan-backup', {
        at: `*-*-* ${vars.at}`,
        randomDelay: '10min',
        command: `/usr/local/sbin/capstan-backup now <${stored}`,
      })
    }
  },
  status: ({ vars: { repository, alert } }) =>
    repository === undefined
      ? []
      : [{ name: 'backup', script: `HOURS=${alert.backup}\nDAYS=${alert.verify}\n${statusScript}` }],
})

const given = (host: Host) => ({ host, vars: host.varsOf(backup) })

/** The role, and what scripts do with the backups of a host: `await backup.now(host)`. */
export default Object.assign(backup, {
  isSetUp: (host: Host) => host.varsOf(backup).repository !== undefined,
  now: (host: Host) => backUp(given(host)),
  list: (host: Host, from?: string) => listBackups(given(host), from),
  verify: (host: Host, part?: string) => verifyBackups(given(host), part),
  restoreProblem: (host: Host, request: RestoreRequest) => problemOf(given(host), request),
  planRestore: (host: Host, request: RestoreRequest) => planRestore(given(host), request),
  restore: (host: Host, plan: RestorePlan, onKept: (database: string) => void) =>
    restore(given(host), plan, onKept),
})

const program = readRoleFile({ directory: import.meta.dirname }, 'files/capstan-backup').toString()

const statusScript = readFileSync(new URL('status.sh', import.meta.url), 'utf8')
