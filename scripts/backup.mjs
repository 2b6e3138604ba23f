#!/usr/bin/env zx
// Backs up the databases and the shared files of hosts, lists their backups, or tests that they can be restored.
//
//   now      back up, and forget the backups that backup.keep does not keep
//   list     list the backups of each host
//   verify   read all stored data, and load the last backup of each database under another name
import { hosts, printable, script } from '#capstan'
import { backup } from '#roles'

const {
  arguments: [verb, ...more],
  flags: { part },
  refuse,
} = script({
  arguments: 'now|list|verify',
  flags: { part: { type: 'string', value: 'N/M', help: 'verify: read one of M parts of the data: 1/8' } },
})
const verbs = {
  async now(host) {
    for (const line of await backup.now(host)) console.log(printable(`${host.name}  not read: ${line}`))
  },
  verify: host => backup.verify(host, part),
  async list(host) {
    for (const { id, time, paths } of await backup.list(host))
      console.log(`${host.name}  ${id.slice(0, 8)}  ${time.toISOString()}  ${paths.length} paths`)
  },
}
if (!(verb in verbs) || more.length > 0)
  refuse('expected now, list or verify', 'npx zx scripts/backup.mjs --help')
if (part !== undefined && !/^[1-9]\d*\/[1-9]\d*$/.test(part)) refuse(`--part: expected 1/8, got ${part}`)

const names = (await hosts().list()).filter(backup.isSetUp).map(({ name }) => name)
if (names.length === 0) refuse('no host has backup.repository', 'docs/backup.md shows what it can be.')
await hosts(names.join()).each({ maxFail: '100%' }, verbs[verb])
