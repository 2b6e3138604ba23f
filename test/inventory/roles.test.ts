import { expect, test } from 'vitest'
import { deployCommand } from '#engine/command/deploy.ts'
import { doctorCommand } from '#engine/command/doctor.ts'
import type { CommandInput } from '#engine/command/main.ts'
import { sandboxCommand } from '#engine/command/sandbox.ts'
import { siteCommand } from '#engine/command/site.ts'
import { roleNames } from '#engine/inventory/roles.ts'
import { appSettings as settings } from '#roles/app/release.ts'
import app from '#roles/app/role.ts'
import site from '#roles/site.ts'
import { project } from './project.ts'

test('A role is a folder of roles/ that holds a role.ts: a file, or a folder without one, is none.', async () => {
  const root = project({
    'roles/site.ts': '',
    'roles/web/role.ts': '',
    'roles/db/role.ts': '',
    'roles/notes/role.md': '',
  })
  expect(await roleNames(root)).toEqual(['db', 'web'])
  expect(await roleNames(`${root}/nowhere`)).toEqual([])
})

const commands: Readonly<Record<string, (input: CommandInput) => Promise<number>>> = {
  'site.mjs': input => siteCommand({ site, plays: [] }, { ...input, args: ['--list-hosts'] }),
  'deploy.mjs': input => deployCommand({ site, app, settings }, input),
  'doctor.mjs': doctorCommand,
  'sandbox.mjs': input => sandboxCommand({ ...input, args: ['up'] }),
}

test.each(Object.keys(commands))('%s takes roles/site.ts for no role.', async script => {
  const root = project({
    'roles/site.ts': '',
    'inventory/sandbox.yml': 'vars: { site.ts: {} }\nhosts: { web1: { connection: local } }\n',
  })
  const input = { args: [], root, environment: {}, stdout: { write: () => true } }
  await expect(commands[script]?.(input)).rejects.toThrow('no role is named site.ts')
})
