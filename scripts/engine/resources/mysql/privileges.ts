import type { Difference } from '#engine/output/events.ts'
import type { Flavour } from './flavour.ts'

/** By the target as GRANT writes it: `` {'`foobar`.*': {'SELECT', 'INSERT'}} ``. */
export type Privileges = ReadonlyMap<string, ReadonlySet<string>>

/** What an account may do: these and nothing else, or everything. */
export type WantedPrivileges = Privileges | 'everything'

/** What has to be granted on one target, and what revoked. */
export interface PrivilegeChange {
  readonly target: string
  readonly found: readonly string[]
  readonly missing: readonly string[]
  readonly extra: readonly string[]
}

/** The targets where what is held is not what is wanted. */
export function privilegeChanges(wanted: WantedPrivileges, held: Privileges): readonly PrivilegeChange[] {
  if (wanted === 'everything') return mayEverything(held) ? [] : [everything(held)]
  return [...new Set([...wanted.keys(), ...held.keys()])]
    .filter(target => !isGivenByServer(target, wanted))
    .map(target => {
      const found = [...(held.get(target) ?? [])]
      const privileges = [...(wanted.get(target) ?? [])]
      const missing = privileges.filter(word => !found.includes(word))
      return { target, found, missing, extra: found.filter(word => !privileges.includes(word)) }
    })
    .filter(({ missing, extra }) => missing.length + extra.length > 0)
}

/**
 * The statements: what is missing is granted before what is too much is revoked, so that an app that works
 * meanwhile lacks nothing it may have. MySQL takes the privileges on databases away too when all on `*.*` are revoked: it
 * revokes what is left by then, and `wanted` is granted once more.
 */
export function privilegeStatements(
  changes: readonly PrivilegeChange[],
  wanted: WantedPrivileges,
  account: string,
  flavour: Flavour,
): readonly string[] {
  const grants = changes.filter(({ missing }) => missing.length > 0)
  const revokes = changes.filter(({ extra }) => extra.length > 0)
  const isMysql = flavour === 'mysql'
  const isStripped = isMysql && wanted !== 'everything' && revokes.some(({ target }) => target === '*.*')
  const again = isStripped ? [...wanted].filter(([, privileges]) => privileges.size > 0) : []
  return [
    ...grants.map(({ target, missing }) => grant(missing, target, account)),
    ...revokes.map(
      ({ target, extra }) => `${revoke[flavour]} ${extra.join(', ')} ON ${target} FROM ${account}`,
    ),
    ...again.map(([target, privileges]) => grant([...privileges], target, account)),
  ]
}

/** The verb. */
export const revoke: Readonly<Record<Flavour, string>> = { mariadb: 'REVOKE', mysql: 'REVOKE IF EXISTS' }

/** `` may on `foobar`.*: SELECT, FILE; wanted SELECT, INSERT ``, as a difference. */
export function privilegeDifference({ target, found, missing, extra }: PrivilegeChange): Difference {
  const wanted = [...found.filter(word => !extra.includes(word)), ...missing]
  return {
    what: `privileges on ${target}`,
    found: found.join(', ') || 'none',
    wanted: wanted.join(', ') || 'none',
  }
}

function grant(privileges: readonly string[], target: string, account: string): string {
  const plain = privileges.filter(word => word !== grantOption)
  const option = privileges.includes(grantOption) ? ' WITH GRANT OPTION' : ''
  return `GRANT ${plain.join(', ') || 'USAGE'} ON ${target} TO ${account}${option}`
}

const grantOption = 'GRANT OPTION'

// ALL PRIVILEGES is another set in each version of the server; these two can give themselves the rest.
function mayEverything(held: Privileges): boolean {
  const found = held.get('*.*')
  return found?.has('SUPER') === true && found.has(grantOption)
}

function everything(held: Privileges): PrivilegeChange {
  const found = [...(held.get('*.*') ?? [])]
  return { target: '*.*', found, missing: ['ALL PRIVILEGES', grantOption], extra: [] }
}

// The account that creates a routine is granted EXECUTE and ALTER ROUTINE on it. Source: automatic_sp_privileges.
function isGivenByServer(target: string, wanted: Privileges): boolean {
  if (!/^(FUNCTION|PROCEDURE|PACKAGE|PACKAGE BODY) /.test(target)) return false
  return [...wanted.values()].some(privileges => privileges.has('CREATE ROUTINE'))
}
