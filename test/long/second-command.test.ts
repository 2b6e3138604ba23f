import { afterAll, beforeAll, expect, it } from 'vitest'
import { type FreshMachine, freshMachine } from './fresh-machine.ts'

// README, "Try it": the second command. As root with Podman it is `npm test` itself.
let fresh: FreshMachine
beforeAll(async () => {
  fresh = await freshMachine()
  // No registry is in reach, and npm test needs Debian 13 as well: the image is made from the machine's apt sources.
  await fresh.say('apt-get install -qq -y --no-install-recommends mmdebstrap uidmap', 5)
})
afterAll(() => fresh?.remove())

const minutes = 90

it.each([
  ['ann', '002'],
  ['root', '077'],
])(
  'npm test passes for %s with Docker and umask %s, and no test needs its retry',
  async (user, mask) => {
    const script = `umask ${mask} && git clone -q /srv/capstan clone && cd clone && npm ci --prefer-offline && npm test`
    const { exitCode, output } = await fresh.as(user, script, minutes)
    expect(exitCode, output.slice(-20_000)).toBe(0)
    expect(output).not.toMatch(/^retried /m)
  },
  minutes * 60_000,
)
