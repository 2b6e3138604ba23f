import { afterAll, beforeAll, describe, expect } from 'vitest'
import { sandboxDown } from '#engine/sandbox/sandbox.ts'
import { lockouts, lockoutTests } from '../sandbox/lockout.ts'
import { type Machine, machine, root } from '../sandbox/machine.ts'
import { runHere } from '../sandbox/site.ts'

describe.each([12, 13] as const)('the base of a Debian %i host does not lock its operator out by', debian => {
  let host: Machine
  beforeAll(async () => {
    host = await machine(`lockout${debian}`, debian)
    expect((await runHere({ roles: ['base'], hosts: host })).exitCode).toBe(0)
  })
  afterAll(async () => {
    host?.close()
    await sandboxDown({ root, say: () => {}, names: [`lockout${debian}`] })
  })
  lockoutTests(Object.keys(lockouts), () => host)
})
