import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')

it('A script may be TypeScript: it imports #capstan with its types, and runs as docs/scripts.md says.', () => {
  const folder = join(root, '.capstan/typescript-script')
  mkdirSync(folder, { recursive: true })
  try {
    writeFileSync(join(folder, 'here.yml'), 'hosts: { here: { connection: local, sudo: false } }\n')
    const text = `// Says who is there.
import { type Host, hosts } from '#capstan'
const names: readonly string[] = await hosts().each(async (host: Host) => (await host.$\`echo \${host.name}\`).stdout.trim())
console.log(names.join())
`
    writeFileSync(join(folder, 'who.ts'), text)
    const args = ['--import', join(root, 'scripts/typescript.mjs'), join(folder, 'who.ts')]
    const run = (...more: readonly string[]) =>
      spawnSync(process.execPath, [...args, ...more], {
        encoding: 'utf8',
        env: { ...process.env, NODE_OPTIONS: '' },
      })
    const { stdout, stderr, status } = run('-i', join(folder, 'here.yml'))
    expect([stdout, status, stderr.includes('here : ok=1')]).toEqual(['here\n', 0, true])
    expect(run('--help').stdout).toContain('Says who is there.')
  } finally {
    rmSync(folder, { recursive: true })
  }
})
