import { afterAll, beforeAll, expect, it } from 'vitest'
import { openWire } from '../connection/wire.ts'
import { scripts, source } from '../sandbox/deploy-app.ts'
import { kept } from '../sandbox/kept.ts'
import { type Machine, machine } from '../sandbox/machine.ts'
import { runHere } from '../sandbox/site.ts'

const home = '/srv/www/foobar'
const names = ['three1', 'three2', 'three3'] as const
let machines: readonly Machine[]
let run: ReturnType<typeof scripts>

const inventory = () =>
  Object.fromEntries(machines.map(({ name, host }) => [name, { connection: 'sandbox', debian: host.debian }]))
const onAll = (script: string) =>
  Promise.all(machines.map(each => each.say(script).then(text => text.trim())))
const live = () => onAll(`basename "$(readlink ${home}/current 2>/dev/null)"`)
const running = () =>
  onAll(`systemctl list-units --plain --no-legend --state=active,activating 'foobar@*' | cut -d' ' -f1`)
const mark = (name: string, at: number) => machines[at]?.say(`: >${home}/shared/storage/${name}`)
const deploy = (from: ReturnType<typeof source>) => run.deploy(from, { hosts: inventory() })

// What a release does wrong is decided by files of shared/ on the host it runs on.
const index = `<?php
$is = fn ($name) => file_exists('${home}/shared/storage/' . $name);
$live = basename((string) readlink('${home}/current')) === getenv('RELEASE');
if ($is('broken') || ($is('late') && $live)) { http_response_code(500); exit('broken'); }
echo 'ok ', getenv('RELEASE'), "\\n";
`
const content = (n: string) =>
  source({
    'public/index.php': index,
    'n.txt': n,
    'deploy/migrate*': `#!/bin/sh\n# ${n}\necho "$RELEASE" >>${home}/shared/storage/migrated\n`,
  })

beforeAll(async () => {
  machines = await Promise.all(
    names.map(async (name, index) => {
      const debian = index === 2 ? 13 : 12
      return machine(name, debian, await kept('site', debian))
    }),
  )
  const [first] = machines
  if (!first) throw new Error('no machine')
  run = scripts(first)
  const set = await runHere({ hosts: inventory(), args: ['-t', 'nginx,app'] })
  expect(set.exitCode, set.stdout.slice(-3000)).toBe(0)
  await onAll(
    `systemctl stop 'foobar@*' 2>/dev/null; rm -rf ${home}/current ${home}/releases/* ${home}/releases.jsonl ${home}/shared/storage/*`,
  )
}, 900_000)
afterAll(() => {
  for (const each of machines) each.close()
})

it('makes a release live on all hosts, and migrates on one', async () => {
  const from = content('one')
  const done = await deploy(from)
  expect(done.exitCode, done.stdout.slice(-3000)).toBe(0)
  const [first = '', ...others] = await live()
  expect(first).toMatch(/Z-/)
  expect(others).toEqual([first, first])
  expect(await onAll(`cat ${home}/shared/storage/migrated 2>/dev/null || :`)).toEqual([first, '', ''])
  expect((await deploy(from)).lines.find(({ event }) => event === 'release')).toMatchObject({
    outcome: 'already live',
  })
  from.remove()
})

it('switches none of them when one fails its gate', async () => {
  const before = await live()
  const from = content('two')
  await mark('broken', 2)
  const failed = await deploy(from)
  await onAll(`rm -f ${home}/shared/storage/broken`)
  expect(failed.exitCode).toBe(1)
  expect(failed.error('three3').code).toBe('step-health')
  for (const name of ['three1', 'three2'])
    expect(failed.error(name)).toMatchObject({
      code: 'others-failed',
      message: expect.stringContaining('because three3'),
    })
  expect(await live()).toEqual(before)
  expect(await running()).toEqual(before.map(id => `foobar@${id}.service`))
  from.remove()
})

it('goes back on all of them when the verification fails on one', async () => {
  const before = await live()
  const from = content('three')
  await mark('late', 1)
  const failed = await deploy(from)
  await onAll(`rm -f ${home}/shared/storage/late`)
  expect(failed.exitCode).toBe(1)
  expect(failed.error('three2').code).toBe('step-verify')
  for (const name of ['three1', 'three3'])
    expect(failed.error(name).message).toContain('switched back, because three2')
  expect(await live()).toEqual(before)
  expect(await running()).toEqual(before.map(id => `foobar@${id}.service`))
  expect(failed.lines.find(({ event }) => event === 'release')).toMatchObject({ outcome: 'back' })
  from.remove()
})

it('touches none of them when one can’t be reached', async () => {
  const before = await live()
  const from = content('four')
  const hosts = { ...inventory(), three2: { address: '127.0.0.1', port: 1, user: 'root' } }
  const failed = await run.deploy(from, { hosts })
  expect(failed.exitCode).toBe(4)
  expect(await live()).toEqual(before)
  from.remove()
})

it('deploys the content that failed before, and rolls all of them back', async () => {
  const before = await live()
  const from = content('two')
  const done = await deploy(from)
  expect(done.exitCode, done.stdout.slice(-3000)).toBe(0)
  const [first = '', ...others] = await live()
  expect(others).toEqual([first, first])
  const back = await run.rollbackWith({ hosts: inventory() })
  expect(back.exitCode, back.stdout.slice(-3000)).toBe(0)
  expect(await live()).toEqual(before)
  expect(await running()).toEqual(before.map(id => `foobar@${id}.service`))
  from.remove()
})

it('rolls through the hosts one at a time where serial is 1, and takes those back that were done when a later one fails', async () => {
  const before = await live()
  const from = content('serial')
  const vars = { app: { release: { serial: 1, health: { timeout: '3s' } } } }
  await mark('broken', 1)
  const failed = await run.deploy(from, { hosts: inventory(), vars })
  await onAll(`rm -f ${home}/shared/storage/broken`)
  expect(failed.exitCode).toBe(1)
  expect(failed.error('three2').code).toBe('step-health')
  expect(failed.error('three1').message).toContain('switched back, because three2')
  expect(failed.lines.some(({ host, step }) => host === 'three3' && step === 'start')).toBe(false)
  expect(await live()).toEqual(before)
  expect(await running()).toEqual(before.map(id => `foobar@${id}.service`))
  const patient = { app: { release: { serial: 1 } } }
  const done = await run.deploy(from, { hosts: inventory(), vars: patient })
  expect(done.exitCode, done.stdout.slice(-3000)).toBe(0)
  const [first = '', ...others] = await live()
  expect(others).toEqual([first, first])
  expect(first).not.toBe(before[0])
  from.remove()
})

it('comes to its end on all of them though one connection breaks between two of its stages', async () => {
  const from = content('reset')
  const [, second] = machines
  if (!second) throw new Error('no machine')
  const wire = await openWire(second.host.port)
  // The health of the second host is held until its connection is another one.
  await second.say(`mkdir -p /run/gates && cat >/usr/local/sbin/systemctl <<'END'
#!/bin/sh
case "$*" in "show -p NRestarts"*) : >/run/gates/at; until [ -e /run/gates/go ]; do sleep 0.02; done ;; esac
exec /usr/bin/systemctl "$@"
END
chmod 755 /usr/local/sbin/systemctl`)
  const going = run.startDeploy(from, { hosts: { ...inventory(), three2: second.through(wire.port) } })
  await second.until('[ -e /run/gates/at ]', 90)
  wire.reset()
  await second.say(': >/run/gates/go; rm -f /usr/local/sbin/systemctl')
  const done = await going.done
  await second.say('rm -rf /run/gates')
  wire.close()
  expect(done.exitCode, done.stdout.slice(-3000)).toBe(0)
  expect(done.lines.some(({ event, host }) => event === 'warning' && host === 'three2')).toBe(true)
  const [first = '', ...others] = await live()
  expect(others).toEqual([first, first])
  from.remove()
})
