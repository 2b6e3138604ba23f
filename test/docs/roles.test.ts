import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { roleDocs } from '#engine/command/role-docs.ts'
import type { Role } from '#engine/converge/role.ts'
import { roleNames } from '#engine/inventory/roles.ts'
import site from '#roles/site.ts'

const root = resolve(import.meta.dirname, '../..')

// `npx vitest run --project unit test/docs/roles.test.ts -u` updates it.
test('docs/roles.md lists the vars of every role as their schemas declare them.', async () => {
  const names = await roleNames(root)
  const roles = await Promise.all(
    names.map(async name => ((await import(`${root}/roles/${name}/role.ts`)) as { default: Role }).default),
  )
  await expect(roleDocs(site, roles)).toMatchFileSnapshot('../../docs/roles.md')
})
