import { afterAll, beforeAll, expect, it } from 'vitest'
import { apps } from '../deploy/apps.ts'
import { liveRelease, scripts, source } from '../sandbox/deploy-app.ts'
import { kept } from '../sandbox/kept.ts'
import { type Machine, machine, rebooted } from '../sandbox/machine.ts'
import { runHere, type SiteRun } from '../sandbox/site.ts'
import { mail, odd, sick, sweep, value, vars, workers } from './workers-app.ts'

const home = '/srv/www/foobar'
const storage = `${home}/shared/storage`
let host: Machine
let run: ReturnType<typeof scripts>
let count = 0
let without = ''

const content = (files: Readonly<Record<string, string>> = {}) =>
  source({
    ...apps.static,
    'bin/mail*': mail,
    'bin/sweep*': sweep,
    'n.txt': `${Date.now()} ${count++}`,
    ...files,
  })
const setUp = (all: object) => runHere({ hosts: host, vars: vars(all), args: ['-t', 'nginx,app'] })
const live = () => liveRelease(host)
const units = (states = 'active,activating') =>
  host
    .say(
      `systemctl list-units --plain --no-legend --full --state=${states} 'foobar.*@*.service' 'foobar.*@*.timer' | cut -d' ' -f1`,
    )
    .then(text => text.split('\n').filter(unit => unit !== '' && !/sweep@.*service/.test(unit)))
const log = () => host.say(`cat ${storage}/log`).then(text => text.split('\n').filter(Boolean))
const ofLive = async () => {
  const release = await live()
  return [`foobar.mail@${release}.service`, `foobar.sweep@${release}.timer`]
}

async function deploy(
  files: Readonly<Record<string, string>> = {},
  given: object = vars(workers),
): Promise<SiteRun> {
  const from = content(files)
  const done = await run.deploy(from, { vars: given as Readonly<Record<string, unknown>> })
  from.remove()
  return done
}
const rollback = (...args: readonly string[]) => run.rollbackWith({ vars: vars(workers), args })

/** The live release's own run, and nothing but them does anything from now on. */
async function expectFollowed(): Promise<void> {
  const release = await live()
  expect(await units()).toEqual(await ofLive())
  await host.until(`! systemctl list-units --no-legend --state=deactivating 'foobar.*' | grep -q .`)
  // Its first line is behind it.
  await host.until(
    `[ "$(cat ${storage}/begun)" = "$(systemctl show -p MainPID --value foobar.mail@${release})" ]`,
  )
  await host.say(`truncate -c -s 0 ${storage}/log`)
  await host.until(`[ "$(grep -cs swept ${storage}/log)" -ge 1 ]`)
  expect(new Set(await log())).toEqual(new Set([`swept ${release}`]))
}

// These tests run in order: each one begins where the one before it ended.
beforeAll(async () => {
  host = await machine('workers1', 12, await kept('site', 12))
  run = scripts(host)
  await host.say(`systemctl stop 'foobar*' 2>/dev/null; rm -f /etc/systemd/system/foobar*; systemctl daemon-reload
    rm -rf ${home}/current ${home}/releases/* ${home}/releases.jsonl ${storage}/* /usr/local/sbin/*`)
  const set = await setUp({})
  expect(set.exitCode, set.stdout.slice(-3000)).toBe(0)
  const from = source(apps.static)
  expect((await run.deploy(from, { vars: vars({}) })).exitCode).toBe(0)
  from.remove()
  without = await live()
  expect((await deploy({}, vars({}))).exitCode).toBe(0)
})
afterAll(() => host?.close())

it('are set up for the release that is live, and a second run changes nothing in two trips', async () => {
  const set = await setUp(workers)
  expect(set.exitCode, set.stdout.slice(-3000)).toBe(0)
  expect(set.changes).toContain('workers foobar')
  await expectFollowed()
  expect((await setUp(workers)).recap()).toMatchObject({ changed: 0, trips: 2 })
})

it('get their words and the app’s environment byte for byte, as the app’s user, in the release', async () => {
  const seen = await host.say(`cat ${storage}/seen`)
  expect(seen.split('\0').slice(0, -1)).toEqual([
    ...odd,
    ...[value, 'foobar', `${home}/releases/${await live()}`, 'foobar'],
  ])
  const [unit] = await ofLive()
  const score = await host.say(`systemd-analyze security --no-pager ${unit} | tail -n 1`)
  expect(Number(/level for .*: ([\d.]+)/.exec(score)?.[1]), score).toBeLessThan(2.1)
})

it('follow a deploy, which does not wait for what they are at, and that comes to its end', async () => {
  const before = await live()
  await host.say(`: >${storage}/job; : >${storage}/long`)
  await host.until(`[ -e ${storage}/job-${before} ] && [ -e ${storage}/long-${before} ]`)
  const done = await deploy()
  expect(done.exitCode, done.stdout.slice(-3000)).toBe(0)
  expect(done.lines.find(line => line.step === 'workers' && line.state === 'done')?.note).toBe('mail, sweep')
  expect(await units()).toEqual(await ofLive())
  await host.say(`: >${storage}/go`)
  await host.until(`grep -q 'ended ${before}' ${storage}/log && grep -q 'swept all' ${storage}/log`)
  expect(await log()).toEqual(
    expect.arrayContaining([`did a job ${before}`, `ended ${before}`, `swept all ${before}`]),
  )
  await expectFollowed()
})

it('are not run for a release that is not switched to', async () => {
  await host.say(`truncate -c -s 0 ${storage}/log`)
  expect((await deploy({}, vars(workers, sick))).error().code).toBe('step-health')
  expect((await log()).filter(line => line.startsWith('begun'))).toEqual([])
  await expectFollowed()
})

it('that end with an error at once take the site back, and what they said is told', async () => {
  const before = await live()
  const failed = await deploy({ 'bin/mail*': '#!/bin/sh\necho "the queue is not to be found"\nexit 3\n' })
  expect(failed.exitCode).toBe(1)
  expect(failed.error()).toMatchObject({
    code: 'step-workers',
    hint: expect.stringContaining(`${before} is live again`),
  })
  expect(failed.error().lines.join('\n')).toContain('the queue is not to be found')
  expect(await live()).toBe(before)
  await expectFollowed()
})

it('follow a rollback, also to a release that lacks one, and the output says so', async () => {
  const back = await rollback()
  expect(back.exitCode, back.stdout.slice(-3000)).toBe(0)
  await expectFollowed()
  const far = await rollback('--to', without)
  expect(far.exitCode, far.stdout.slice(-3000)).toBe(0)
  expect(far.lines.find(({ event }) => event === 'warning')?.message).toContain(`foobar.mail@${without}`)
  expect(await live()).toBe(without)
})

// Everything that the deploy has on the host and here ends between the switch and the workers.
async function killed(): Promise<void> {
  await host.say(`mkdir -p /usr/local/sbin; rm -f /run/at; cat >/usr/local/sbin/systemctl <<'END'
#!/bin/sh
case "$*" in 'start --no-block'*) [ "$(readlink ${home}/current)" = "$(cat /run/was)" ] || { : >/run/at; exec sleep 60; } ;; esac
exec /usr/bin/systemctl "$@"
END
    chmod 755 /usr/local/sbin/systemctl; readlink ${home}/current >/run/was`)
  const from = content()
  const deploying = run.startDeploy(from, { vars: vars(workers) })
  await host.until('[ -e /run/at ]', 30)
  deploying.child.kill('SIGKILL')
  await deploying.done
  await host.say(
    `for pid in /var/lib/capstan/runs/*-foobar-*/pid; do pkill -9 -s "$(cat $pid)"; done; rm -f /usr/local/sbin/systemctl`,
  )
  from.remove()
}

it.each([
  ['the next deploy, also one that is not switched to', 1, () => deploy({}, vars(workers, sick))],
  ['the next run of site.mjs', 0, () => setUp(workers)],
])('of a deploy that was killed after the switch are put right by %s', async (_title, code, next) => {
  const before = await ofLive()
  await killed()
  expect(await units()).toEqual(before)
  expect(await ofLive()).not.toEqual(before)
  const done = await next()
  expect(done.exitCode, done.stdout.slice(-3000)).toBe(code)
  await expectFollowed()
})

it('are restarted when their definition changes; one that is no more declared is ended and its units go', async () => {
  const release = await live()
  const fewer = { mail: { command: 'bin/mail changed' }, tidy: { command: 'bin/mail tidy' } }
  const set = await setUp(fewer)
  expect(set.exitCode, set.stdout.slice(-3000)).toBe(0)
  const runs = (args: string) => `ps -o args= -u foobar | grep -q '${args}$'`
  await host.until(`${runs('bin/mail changed')} && ${runs('bin/mail tidy')}`)
  await host.until(`! systemctl list-units --no-legend --state=deactivating 'foobar.*' | grep -q .`)
  expect(await units()).toEqual([`foobar.mail@${release}.service`, `foobar.tidy@${release}.service`])
  expect(await host.say(`ps -o args= -u foobar | grep -c 'bin/mail changed'`)).toBe('1\n')
  expect(await host.say('ls /etc/systemd/system | grep foobar | grep -v @2')).toBe(
    'foobar.mail@.service\nfoobar.service\nfoobar.tidy@.service\nfoobar@.service\n',
  )
  expect((await setUp(workers)).exitCode).toBe(0)
  await expectFollowed()
})

it('keep their release from being removed for as long as they are at something', async () => {
  const few = vars(workers, { keep: 2 })
  expect((await deploy({}, few)).exitCode).toBe(0)
  const before = await live()
  await host.say(`rm ${storage}/go; : >${storage}/job`)
  await host.until(`[ -e ${storage}/job-${before} ]`)
  expect((await deploy({}, few)).exitCode).toBe(0)
  const second = await deploy({}, few)
  expect(second.lines.find(line => line.step === 'prune' && line.state === 'done')?.note).toMatch(
    /, 1 when their workers have ended$/,
  )
  await host.say(`[ -e ${home}/releases/${before} ] && : >${storage}/go`)
  await host.until(`grep -q 'ended ${before}' ${storage}/log`)
  await host.until(`! systemctl is-active -q foobar.mail@${before}`)
  expect((await deploy({}, few)).exitCode).toBe(0)
  await host.say(`[ ! -e ${home}/releases/${before} ]`)
})

it('of the live release run again after a reboot, and no others', async () => {
  host = await rebooted(host)
  run = scripts(host)
  await expectFollowed()
})
