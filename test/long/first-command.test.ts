import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { quote } from '#engine/quote.ts'
import { cgroupVersions, type FreshMachine, freshMachine } from './fresh-machine.ts'

// README, "Try it": the first command, on a machine on which nobody has run it before.
let fresh: FreshMachine
beforeAll(async () => {
  fresh = await freshMachine()
})
afterAll(() => fresh?.remove())

const clone = (folder: string) =>
  `rm -rf ${folder} && git clone -q /srv/capstan ${folder} && cd ${folder} && npm ci --prefer-offline`
const site = 'npx zx scripts/site.mjs'
const down = 'npx zx scripts/sandbox.mjs down'

/** It runs twice in a fresh clone; then the host is taken down. `within`: shell that runs shell, where that is special. */
async function firstCommand(user: string, umask: string, within = (script: string) => script): Promise<void> {
  const folder = `clone-${umask}`
  const as = (script: string) => fresh.as(user, within(script))
  const first = await as(`umask ${umask} && ${clone(folder)} && ${site}`)
  expect(first).toMatchObject({ exitCode: 0, output: expect.stringMatching(/^web1 : .*failed=0/m) })
  const second = await as(`umask ${umask} && cd ${folder} && ${site}`)
  expect(second).toMatchObject({
    exitCode: 0,
    output: expect.stringMatching(/^web1 : .*changed=0 .*failed=0 .*trips=2 /m),
  })
  process.stderr.write(`${user}, umask ${umask}\n${recap(first.output)}\n${recap(second.output)}\n`)
  expect(await as(`cd ${folder} && ${down}`)).toMatchObject({ exitCode: 0 })
}

function recap(output: string): string {
  return /^web1 : .*$/m.exec(output)?.[0] ?? ''
}

describe.each(cgroupVersions)('Docker on cgroup v%s', version => {
  beforeAll(async () => {
    await fresh.say(`echo CGROUPS=${version} >/etc/whole-cgroups && systemctl restart docker`)
    expect(await fresh.say("docker info --format '{{.CgroupVersion}}'")).toBe(`${version}\n`)
  })

  it.each([
    ['ann', '022'],
    ['ann', '077'],
    ['ann', '002'],
    ['root', '077'],
  ])('serves %s with umask %s', async (user, umask) => {
    await firstCommand(user, umask)
    const left = 'docker ps --all --quiet && docker network ls --quiet --filter label=capstan.clone'
    expect(await fresh.say(left)).toBe('')
  })
})

describe('Who can use no engine learns what to do', () => {
  const refused = (output: RegExp) => ({ exitCode: 2, output: expect.stringMatching(output) })

  it('where Docker runs and the user is not in its group', async () => {
    const told = await fresh.as('bob', `${clone('refused')} && ${site}`)
    expect(told).toMatchObject(
      refused(/bob cannot use a container engine.*has no permission for its socket.*usermod -aG docker bob/s),
    )
  })

  it('where Docker does not run', async () => {
    await fresh.say('systemctl stop docker.service docker.socket')
    const told = await fresh.as('ann', `cd clone-022 && ${site}`)
    await fresh.say('systemctl start docker')
    expect(told).toMatchObject(refused(/Cannot connect to the Docker daemon.*systemctl start docker/s))
  })

  it('where root has a sandbox in the same clone', async () => {
    await fresh.say('cd ~ann/clone-022 && npx zx scripts/sandbox.mjs up')
    const told = await fresh.as('ann', `cd clone-022 && ${site}`)
    await fresh.say(`cd ~ann/clone-022 && ${down}`)
    expect(told).toMatchObject(refused(/expected a file that you can write to/))
  })
})

describe('Without an image in the registry', () => {
  const packages = 'mmdebstrap uidmap'
  const apt = (verb: string) => fresh.say(`DEBIAN_FRONTEND=noninteractive apt-get ${verb} -qq -y ${packages}`)
  beforeAll(async () => {
    await fresh.say('docker system prune --all --force')
    await apt('purge')
  })
  afterAll(() => apt('purge'))

  it('an ordinary user learns of mmdebstrap', async () => {
    const told = await fresh.as('ann', `cd clone-022 && ${site}`)
    const output = expect.stringMatching(/docker\.io.*apt-get install mmdebstrap uidmap/s)
    expect(told).toMatchObject({ exitCode: 1, output })
  })

  it('and makes the image with it from the machine’s apt sources', async () => {
    await apt('install --no-install-recommends')
    await firstCommand('ann', '077')
  })
})

// Docker's client stays in PATH, without an engine behind it. Podman has no daemon: all of its commands run in one mount
// namespace with whole cgroup hierarchies, which a service keeps.
describe('Podman', () => {
  const within = (script: string) =>
    `nsenter --mount --target "$(systemctl show -p MainPID --value cgroups)" sh -c ${quote(`cd && ${script}`)}`
  beforeAll(() =>
    fresh.say(`systemctl disable --now docker.service docker.socket
      systemd-run --quiet --unit cgroups --setenv=CGROUPS=${cgroupVersions[0]} unshare --mount --propagation private \\
        /usr/local/sbin/whole-cgroups sleep infinity
      until grep -qx sleep "/proc/$(systemctl show -p MainPID --value cgroups)/comm"; do sleep 0.1; done`),
  )

  it.each(['077', '002'])('is installed by apt and serves root with umask %s', umask =>
    firstCommand('root', umask, within),
  )

  it('is refused where it would be rootless', async () => {
    const told = await fresh.as('bob', `${clone('refused')} && ${site}`)
    const output = expect.stringMatching(/podman: rootless.*Run `sudo systemctl start docker`/s)
    expect(told).toMatchObject({ exitCode: 2, output })
  })
})
