import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

const root = resolve(import.meta.dirname, '../..')

interface Finding {
  readonly name: string
  readonly state: string
  readonly text: string
}

/** What status.mjs finds on this machine with these vars, the checks that could not be made alone. */
async function unchecked(vars: string): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'capstan-status-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const inventory = join(folder, 'here.yml')
  writeFileSync(inventory, `hosts:\n  here:\n    connection: local\n    sudo: false\n    vars:\n${vars}`)
  const stdout = await new Promise<string>(done =>
    execFile(
      process.execPath,
      [join(root, 'scripts/status.mjs'), '-i', inventory, '--json'],
      { cwd: root },
      (_error, text) => done(text),
    ),
  )
  const { findings } = JSON.parse(stdout) as { readonly findings: readonly Finding[] }
  return findings
    .filter(({ text }) => text.startsWith('could not be checked: ') && text.includes('here.yml'))
    .map(({ name, text }) => `${name}: ${text.replace(/^.*?here\.yml:\d+: /, '')}`)
}

test('A secret in base64, which status.mjs does not read, is no reason to leave out a check.', async () => {
  const secondary = '{ address: 192.0.2.53, key: ns2, secret: !secret NS2_TSIG }'
  expect(await unchecked(`      dns: { secondaries: [${secondary}] }\n`)).toEqual([])
})

test('A role whose vars are wrong on a host is shown with what is wrong.', async () => {
  expect(await unchecked('      backup: { repository: /srv/backups }\n')).toEqual([
    'backup: hosts.here.vars.backup.repository: expected backup.password beside it, got nothing',
  ])
  expect(
    await unchecked('      backup: { repository: backups, password: !secret BACKUP_PASSWORD }\n'),
  ).toEqual([
    expect.stringMatching(/^backup: hosts\.here\.vars\.backup\.repository: expected a restic repository/),
  ])
})
