import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openWire } from '../connection/wire.ts'
import { describeInFull, itInFull, some } from './cases.ts'
import { liveRelease, scripts, source, wellIndex } from './deploy-app.ts'
import { kept } from './kept.ts'
import { type Machine, machine } from './machine.ts'
import { runHere } from './site.ts'
import { ask } from './web-request.ts'

const home = '/srv/www/foobar'
const gates = '/run/gates'
let host: Machine
let run: ReturnType<typeof scripts>
let count = 0

beforeAll(async () => {
  host = await machine('deployfault', 12, await kept('site', 12))
  run = scripts(host)
  const from = content()
  await host.say('mkdir -p /usr/local/sbin && rm -f /usr/local/sbin/*')
  const vars = { app: { release: { source: from.folder } } }
  const set = await runHere({ hosts: host, args: ['-t', 'nginx,app'], vars })
  expect(set.exitCode, set.stdout.slice(-3000)).toBe(0)
  expect((await run.deploy(from)).exitCode).toBe(0)
  from.remove()
})
afterAll(() => host?.close())
beforeEach(() => host.say(`rm -rf ${gates} /usr/local/sbin/* ${home}/shared/storage/*; mkdir ${gates}`))

/** A source of new content, whose migration tells that it runs. */
const content = (files: Readonly<Record<string, string>> = {}) =>
  source({
    'n.txt': `${Date.now()} ${count++}`,
    'public/index.php': wellIndex,
    'deploy/migrate*': `#!/bin/sh\n# ${count}\necho migrating\n`,
    ...files,
  })

/**
 * Where a step can be held: a command that the host runs in it, and its words. A gate stands in the command's
 * place, first in the PATH that scripts are given.
 */
const moments: Readonly<Record<string, readonly [command: string, args: string]>> = {
  'upload begins': ['gzip', '-dc'],
  'the upload is verified': ['sha256sum', '-z*'],
  'the upload gets its name': ['sync', '-f*'],
  migrate: ['systemd-run', '*capstan-migrate*'],
  start: ['systemctl', 'start -- foobar@*'],
  health: ['systemctl', 'show -p NRestarts*'],
  'switched, not verified': ['sync', `-- ${home}`],
  verify: ['openssl', 's_client*'],
  good: ['systemctl', 'start -- foobar.service'],
  drain: ['systemctl', 'stop -- foobar@*'],
}
const isUpload = (moment: string) => moment.includes('upload')
const isAfter = (moment: string) => ['good', 'drain'].includes(moment)

async function hold(moment: string): Promise<void> {
  const [command = '', args = ''] = moments[moment] ?? []
  const real = await host.say(`command -v ${command}`)
  await host.say(`cat >/usr/local/sbin/${command} <<'END'
#!/bin/sh
case "$*" in ${args.replace(/[ ]/g, '\\ ')}) : >${gates}/at; until [ -e ${gates}/go ]; do sleep 0.05; done ;; esac
exec ${real.trim()} "$@"
END
chmod 755 /usr/local/sbin/${command}`)
}
const held = () => host.until(`[ -e ${gates}/at ]`, 30)
const letGo = () => host.say(`: >${gates}/go; rm -f /usr/local/sbin/*`)

const page = async () =>
  (await ask({ port: host.host.ports.https, url: 'https://www.foobar.com/' })).body.trim()
const state = async () => ({
  live: await liveRelease(host),
  running: (
    await host.say(
      `systemctl list-units --plain --no-legend --state=active,activating 'foobar@*' | cut -d' ' -f1`,
    )
  ).trim(),
  half: (await host.say(`ls -A ${home} ${home}/releases | grep '^[.]' || :`)).trim(),
})

/** The site answers, and what is live is whole. */
async function expectWell(): Promise<void> {
  const { live } = await state()
  expect(await page()).toBe(`ok ${live}`)
  expect(await host.say(`cd ${home}/current && cat .capstan/manifest | sha256sum | cut -c1-7`)).toBe(
    `${live.slice(-7)}\n`,
  )
}

/** The next deploy succeeds without help, and only what is documented remains. */
async function expectNext(from: ReturnType<typeof source>): Promise<void> {
  const next = await run.deploy(from)
  expect(next.exitCode, next.stdout.slice(-3000)).toBe(0)
  await expectWell()
  const { live, running, half } = await state()
  expect(running).toBe(`foobar@${live}.service`)
  expect(half).toBe('')
  expect(await host.say(`cat ${home}/current/n.txt`)).toBe(readFileSync(join(from.folder, 'n.txt'), 'utf8'))
  from.remove()
}

// One at the switch, one before it, one after it; then all others.
const first = ['switched, not verified', 'health', 'drain']
const others = Object.keys(moments).filter(moment => !first.includes(moment))
describe.each(some([...first, ...others], 1))('at the moment: %s', moment => {
  it('a controller that is killed leaves a site that answers, and the next deploy succeeds', async () => {
    const from = content()
    const before = await state()
    await hold(moment)
    const deploy = run.startDeploy(from)
    await held()
    deploy.child.kill('SIGKILL')
    await deploy.done
    await expectWell()
    await letGo()
    await expectNext(from)
    expect((await state()).live).not.toBe(before.live)
  })

  itInFull(
    'a host-side process that is killed is told of, the site answers, and the next deploy succeeds',
    async () => {
      const from = content()
      const before = await state()
      await hold(moment)
      const deploying = run.deploy(from)
      await held()
      const kill = isUpload(moment)
        ? 'pkill -9 -f "[d]eploy-foobar.holder"'
        : `for pid in /var/lib/capstan/runs/*-foobar-*/pid; do pkill -9 -s "$(cat $pid)"; done; :`
      await host.say(`${kill}; : >${gates}/go; rm -f /usr/local/sbin/*`)
      const ended = await deploying
      expect(ended.exitCode, ended.stdout.slice(-3000)).toBe(isAfter(moment) ? 0 : 1)
      await expectWell()
      const after = await state()
      if (!isAfter(moment))
        expect(after).toMatchObject({ live: before.live, running: `foobar@${before.live}.service` })
      await expectNext(from)
    },
  )
})

describeInFull.each(['health', 'upload begins', 'verify'])(
  'a wire that goes silent at the moment: %s',
  moment => {
    it('keeps nobody out for long, and the next deploy succeeds', async () => {
      const from = content()
      const wire = await openWire(host.host.port)
      await hold(moment)
      const deploy = run.startDeploy(from, { hosts: { [host.name]: host.through(wire.port) } })
      await held()
      wire.freeze()
      await expectWell()
      deploy.child.kill('SIGKILL')
      await deploy.done
      await letGo()
      await expectNext(from)
      wire.close()
    })
  },
)

it.each(some(['health', 'start', 'verify'], 1))(
  'goes on over a new connection when the old one is reset at the moment: %s',
  async moment => {
    const from = content()
    const wire = await openWire(host.host.port)
    await hold(moment)
    const deploying = run.deploy(from, { hosts: { [host.name]: host.through(wire.port) } })
    await held()
    wire.reset()
    await letGo()
    const ended = await deploying
    expect(ended.exitCode, ended.stdout.slice(-3000)).toBe(0)
    await expectWell()
    expect((await state()).half).toBe('')
    wire.close()
    from.remove()
  },
)

const storage = `${home}/shared/storage`
/** A script of a release that waits until `storage/go` is there. */
const waiting = `#!/bin/sh\n: >${storage}/at\nuntil [ -e ${storage}/go ]; do sleep 0.05; done\n`
const waits = () => host.until(`[ -e ${storage}/at ]`, 30)
const goOn = () => host.say(`: >${storage}/go`)

itInFull('a stage whose shell is killed before the switch does not switch later', async () => {
  const from = content({ 'deploy/before-activate*': waiting })
  const before = await state()
  const deploying = run.deploy(from)
  await waits()
  await host.say('kill -9 $(pgrep -P "$(cat $(ls -td /var/lib/capstan/runs/*-foobar-* | head -n 1)/pid)")')
  const ended = await deploying
  expect(ended.error()).toMatchObject({ code: 'stage-killed', hint: expect.stringContaining('unchanged') })
  expect(await state()).toEqual(before)
  await goOn()
  await host.say('sleep 1')
  expect(await state()).toEqual(before)
  await expectWell()
  from.remove()
})

itInFull('a controller that is stopped keeps the next one out for no longer than its lease', async () => {
  const [first, second] = [content(), content()]
  await hold('health')
  const stopped = run.startDeploy(first)
  await held()
  stopped.child.kill('SIGSTOP')
  await letGo()
  const next = await run.deploy(second, { args: ['--wait', '60'] })
  expect(next.exitCode, next.stdout.slice(-3000)).toBe(0)
  expect(next.recap().seconds).toBeLessThan(40)
  // It finds that its own release went live before the other, or not at all: it changes nothing any more.
  stopped.child.kill('SIGCONT')
  await stopped.done
  await expectWell()
  expect(await host.say(`cat ${home}/current/n.txt`)).toBe(readFileSync(join(second.folder, 'n.txt'), 'utf8'))
  first.remove()
  await expectNext(second)
})

describeInFull('a migration', () => {
  it('that outlives its killed stage is waited for by the next deploy, which says so', async () => {
    const from = content({ 'deploy/migrate*': waiting })
    const deploying = run.deploy(from)
    await waits()
    await host.say('pkill -9 -s "$(cat $(ls -td /var/lib/capstan/runs/*-foobar-* | head -n 1)/pid)"')
    expect((await deploying).exitCode).toBe(1)
    expect(await host.say('systemctl is-active capstan-migrate-foobar')).toBe('active\n')
    const next = run.startDeploy(from)
    const told = await next.until(({ event, text }) => event === 'output' && /left behind/.test(text ?? ''))
    expect(told.text).toContain('waiting for capstan-migrate-foobar.service')
    await goOn()
    expect((await next.done).exitCode).toBe(0)
    await expectWell()
    from.remove()
  })

  it('that takes longer than it may is ended, and the error says so', async () => {
    const from = content({ 'deploy/migrate*': '#!/bin/sh\nsleep 30\n' })
    const before = await state()
    const vars = { app: { release: { migrateTimeout: '1s', health: { timeout: '3s' } } } }
    const ended = await run.deploy(from, { vars })
    expect(ended.error()).toMatchObject({ code: 'step-migrate' })
    expect(ended.error().lines.join('\n')).toContain('it was ended after 1 s')
    expect(await state()).toEqual(before)
    from.remove()
  })

  it('that prints a lot, in any shape, leaves a bounded log with its head and tail', async () => {
    const printing = `#!/bin/sh
echo at first; seq 3000000; head -c 8000000 /dev/zero | tr '\\0' x; head -c 3000000 /dev/urandom; echo; echo at last`
    const from = content({ 'deploy/migrate*': printing })
    const ended = await run.deploy(from)
    expect(ended.exitCode, ended.stdout.slice(-3000)).toBe(0)
    const log = '$(ls -td /var/lib/capstan/runs/*-foobar-* | head -n 1)/log'
    expect(Number(await host.say(`stat -c %s ${log}`))).toBeLessThan(600_000)
    expect(await host.say(`grep -ac -e '^at first$' -e '^at last$' -e 'bytes are left out' ${log}`)).toBe(
      '3\n',
    )
    await expectWell()
    from.remove()
  })
})

itInFull('an interrupt before the switch leaves what was live', async () => {
  const from = content()
  const before = await state()
  await hold('health')
  const deploy = run.startDeploy(from)
  await held()
  deploy.child.kill('SIGINT')
  await deploy.until(({ event }) => event === 'warning')
  await host.until('ls /var/lib/capstan/runs/*/stop >/dev/null 2>&1', 10)
  await letGo()
  const ended = await deploy.done
  expect(ended.exitCode).toBe(130)
  expect(await state()).toEqual(before)
  await expectNext(from)
})

describeInFull('a disk that is full', () => {
  // The releases lie on a small disk of their own, which a file fills. nginx has its own view of mounts, and in a container a new one
  // does not get there, as it does on a real host.
  const fill = (left: number) =>
    host.say(
      `dd if=/dev/zero of=${home}/fill bs=4096 count=$(( $(stat -f -c %a ${home}) - ${left} )) 2>/dev/null`,
    )

  beforeAll(() =>
    host.say(`systemctl stop 'foobar@*'; cp -a ${home} /srv/moved && mount -t tmpfs -o size=64m none ${home} && chmod 755 ${home} &&
      cp -a /srv/moved/. ${home} && systemctl restart nginx && systemctl start "foobar@$(basename $(readlink ${home}/current))"`),
  )
  afterAll(() =>
    host.say(
      `systemctl stop 'foobar@*'; umount -l ${home}; rm -rf /srv/moved; systemctl restart nginx; systemctl start "foobar@$(basename $(readlink ${home}/current))"`,
    ),
  )

  it('is noticed before anything is sent', async () => {
    const from = content()
    const before = await state()
    await fill(1000)
    const refused = await run.deploy(from)
    await host.say(`rm -f ${home}/fill`)
    expect(refused.error()).toMatchObject({ code: 'disk-full' })
    expect(await state()).toEqual(before)
    await expectNext(from)
  })

  it.each(
    some(
      ['health', 'switched, not verified', 'upload begins', 'the upload is verified', 'start', 'verify'],
      1,
    ),
  )('at the moment: %s, leaves the site as it was or goes to its end', async moment => {
    const from = content({ 'large.bin': 'x'.repeat(4_000_000) + Math.random() })
    await hold(moment)
    const deploying = run.deploy(from)
    await held()
    await fill(0)
    await letGo()
    const ended = await deploying
    await expectWell()
    if (moment === 'upload begins') expect(ended.error()).toMatchObject({ code: 'upload' })
    await host.say(`rm -f ${home}/fill`)
    await expectNext(from)
  })
})
