#!/usr/bin/env zx
// Restores databases and shared files of one host from its backups. A database is loaded beside the live one, and then
// takes its place in one step; the replaced one stays on the server under another name. Files that are not in the backup
// are kept.
//
//   all             every database, site and folder of the host
//   site NAME       the database and the shared files of a site
//   database NAME   one database
//   folder PATH     the files of a folder
import { question } from 'zx'
import { hosts, script } from '#capstan'
import { backup } from '#roles'

const {
  arguments: words,
  flags,
  refuse,
} = script({
  arguments: 'all | site NAME | database NAME | folder PATH',
  flags: {
    at: {
      type: 'string',
      value: 'TIME',
      help: 'restore to this moment, in UTC: "2026-11-27 02:30:00" (default: the last backup)',
    },
    as: { type: 'string', value: 'NAME', help: 'restore under this name, or into this site or folder' },
    from: {
      type: 'string',
      value: 'HOST',
      help: 'use the backups of this host (default: those of the host itself)',
    },
    yes: { type: 'boolean', short: 'y', default: false, help: 'do not ask' },
  },
})
const [what, name, ...more] = words
const isWhole = what === 'all' && name === undefined
if (!isWhole && !(['site', 'database', 'folder'].includes(what) && name !== undefined && more.length === 0))
  refuse('expected all, site NAME, database NAME or folder PATH', 'npx zx scripts/restore.mjs --help')
if (isWhole && flags.as !== undefined) refuse('--as: expected site NAME, database NAME or folder PATH')

if (!flags.yes && !process.stdin.isTTY) refuse('expected --yes, since there is no terminal to ask on')

const list = await hosts().list()
if (list.length !== 1) refuse(`expected one host, got ${list.length}`, `Select one: -l ${list[0]?.name}`)
const request = { ...flags, [what]: name }
const problem = backup.restoreProblem(list[0], request)
if (problem !== undefined) refuse(problem.message, problem.hint)
await hosts().each(async host => {
  const plan = await backup.planRestore(host, request)
  for (const line of plan.lines) console.log(line)
  if (!host.isCheck && !flags.yes && !/^y(es)?$/i.test(await question('Restore? [y/N] '))) return
  await backup.restore(host, plan, kept =>
    console.log(`The replaced database was kept as ${kept}. Drop it when you no longer need it.`),
  )
})
