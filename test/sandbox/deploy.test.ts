import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startLoad } from '../deploy/load.ts'
import { isInFull, itInFull, some } from './cases.ts'
import {
  brokenIndex,
  hangingIndex,
  lateIndex,
  liveRelease,
  runningReleases,
  scripts,
  source,
} from './deploy-app.ts'
import { kept } from './kept.ts'
import { type Machine, machine, rebooted } from './machine.ts'
import { runHere } from './site.ts'
import { ask } from './web-request.ts'

const home = '/srv/www/foobar'
let host: Machine
let run: ReturnType<typeof scripts>

const live = () => liveRelease(host)
const running = () => runningReleases(host)
const steps = (
  lines: readonly { readonly event: string; readonly state?: string; readonly step?: string }[],
) => lines.flatMap(line => (line.event === 'step' && line.state === 'done' ? [line.step ?? ''] : []))

// These tests run in order: each one begins where the one before it ended.
beforeAll(async () => {
  host = await machine('deploy12', 12, await kept('site', 12))
  await host.say(
    `systemctl stop 'foobar@*' 2>/dev/null; rm -rf ${home}/current ${home}/releases/* ${home}/releases.jsonl`,
  )
  run = scripts(host)
})
afterAll(() => host?.close())

it('ships a folder: odd names, links, executables and empty folders arrive, what is ignored does not', async () => {
  const set = await runHere({ hosts: host, args: ['-t', 'nginx,app'] })
  expect(set.exitCode, set.stdout.slice(-3000)).toBe(0)
  const odd = ['with space', '-rf', 'quote\'s"$(id)`', 'new\nline', 'tab\tand\\back', 'é日😀', 's*r', 'a&b;c']
  const from = source({
    ...Object.fromEntries(odd.map(name => [`odd/${name}/${name}`, name])),
    'bin/tool*': '#!/bin/sh\necho it runs\n',
    'empty.txt': '',
    '.deployignore': '*.log\n!keep.log\nprivate/\n',
    'debug.log': 'x',
    'keep.log': 'x',
    'private/key': 'x',
    '.env': 'SECRET=1',
    '.git/HEAD': 'x',
    'storage/of-mine': 'x',
  })
  mkdirSync(join(from.folder, 'hollow/inside'), { recursive: true })
  symlinkSync('../bin/tool', join(from.folder, 'public/tool'))
  symlinkSync('../storage', join(from.folder, 'public/storage'))
  writeFileSync(Buffer.concat([Buffer.from(`${from.folder}/`), Buffer.from([0x66, 0xff, 0xfe])]), 'latin1')

  const first = await run.deploy(from)
  expect(first.exitCode).toBe(0)
  expect(steps(first.lines)).toEqual(['upload', 'start', 'health', 'switch', 'verify', 'good'])
  const release = await live()
  const shape = await host.say(
    `cd ${home}/current/ && find . ! -path './run*' ! -path './.capstan*' -printf '%y %m %U %p\\0' | sort -z | tr '\\0\\n' '\\n?'`,
  )
  for (const name of odd)
    expect(shape).toContain(`f 644 0 ./odd/${name}/${name}`.replace('\n', '?').replace('\n', '?'))
  expect(shape).toContain('f 755 0 ./bin/tool\n')
  expect(shape).toContain('d 755 0 ./hollow/inside\n')
  expect(shape).toContain('f 644 0 ./keep.log\n')
  for (const left of ['debug.log', 'private', '.env', '.git', 'of-mine', '.deployignore'])
    expect(shape).not.toContain(left)
  expect(
    await host.say(
      `cd ${home}/current/public && ./tool && readlink ../storage && cat ../f$(printf '\\377\\376')`,
    ),
  ).toBe('it runs\n../../shared/storage\nlatin1')
  expect(first.lines.find(({ event }) => event === 'release')).toMatchObject({ outcome: 'live', release })
  expect(await running()).toEqual([`foobar@${release}.service`])

  const same = await run.deploy(from)
  expect(same.exitCode).toBe(0)
  expect(same.lines.find(({ event }) => event === 'release')).toMatchObject({
    outcome: 'already live',
    release,
  })
  expect(same.recap()).toMatchObject({ changed: 0, trips: 1 })
  expect(same.recap().seconds).toBeLessThan(3)

  from.write({ 'another.txt': 'x'.repeat(1000) })
  const second = await run.deploy(from)
  expect(second.exitCode).toBe(0)
  expect(second.lines.find(line => line.step === 'upload' && line.state === 'done')?.note).toMatch(
    /^1 file sent, \d{3} B on the wire/,
  )
  expect(second.recap().trips).toBe(3)
  expect(await host.say(`stat -c %h ${home}/current/keep.log`)).toBe('2\n')
  expect(
    await host.say(
      `cd ${home}/current && tail -n +1 .capstan/manifest | wc -l; ls -A ${home}/releases | grep -c '^\\.' || :`,
    ),
  ).toMatch(/\n0\n$/)
  from.remove()
})

it('refuses what would land outside the release before anything is sent', async () => {
  const from = source()
  symlinkSync('/etc/passwd', join(from.folder, 'absolute'))
  symlinkSync('../../../x', join(from.folder, 'public/up'))
  symlinkSync('public', join(from.folder, 'p'))
  symlinkSync('p/../../x', join(from.folder, 'through'))
  symlinkSync('round', join(from.folder, 'round'))
  mkdirSync(join(from.folder, 'run'))
  const refused = await run.deploy(from, { text: true })
  expect(refused.exitCode).toBe(2)
  for (const name of ['absolute →', 'public/up →', 'through →', 'round →', 'run:'])
    expect(refused.stderr).toContain(name)
  from.remove()
})

it.each(
  some(
    [
      ['answers 500', brokenIndex, /answered 500: broken/, 'the well is dry'],
      ['hangs on its health path', hangingIndex, /no answer within/, 'fpm is running'],
      ['has no front controller', '', /answered 40[34]|200, but/, 'fpm is running'],
    ] as const,
    1,
  ),
)('does not switch to a release that %s, and shows its journal', async (_title, index, why, journal) => {
  const before = await live()
  const from = source({ 'public/index.php': index })
  if (index === '') from.write({ 'public/index.php': '<?php http_response_code(404);' })
  const failed = await run.deploy(from)
  expect(failed.exitCode).toBe(1)
  expect(failed.error()).toMatchObject({
    code: 'step-health',
    hint: `The site is unchanged: ${before} is live.`,
  })
  expect(failed.error().lines.join('\n')).toMatch(why)
  expect(failed.error().lines.join('\n')).toContain(journal)
  expect(await live()).toBe(before)
  expect(await running()).toEqual([`foobar@${before}.service`])
  from.remove()
})

it('goes back by itself when visitors would not get the new release well, and marks it bad', async () => {
  const before = await live()
  const from = source({ 'public/index.php': lateIndex })
  const failed = await run.deploy(from)
  expect(failed.exitCode).toBe(1)
  expect(failed.error()).toMatchObject({
    code: 'step-verify',
    hint: expect.stringContaining(`${before} is live again`),
  })
  expect(failed.error().lines.join('\n')).toContain('the door is stuck')
  expect(failed.lines.find(({ event }) => event === 'release')).toMatchObject({ outcome: 'back' })
  expect(await live()).toBe(before)
  expect(await running()).toEqual([`foobar@${before}.service`])
  const table = JSON.parse((await run.releases()).stdout)
  expect(table.releases[0]).toMatchObject({ state: 'bad', live: false, running: false })
  from.remove()
})

itInFull('goes back where a browser would refuse the certificate, and says why', async () => {
  const before = await live()
  const from = source({ 'n.txt': 'certificate' })
  const at = '/etc/ssl/capstan/foobar.com'
  await host.say(`cp -rL ${at} /root/kept && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 \
    -subj /CN=www.other.com -addext subjectAltName=DNS:www.other.com -keyout ${at}/privkey.pem -out ${at}/fullchain.pem 2>/dev/null &&
    systemctl reload nginx`)
  const failed = await run.deploy(from)
  await host.say(`cp /root/kept/* ${at}/ && rm -r /root/kept && systemctl reload nginx`)
  expect(failed.error()).toMatchObject({ code: 'step-verify' })
  expect(failed.error().lines.join('\n')).toMatch(
    /a browser would refuse the certificate of CN = www\.other\.com: hostname mismatch/i,
  )
  expect(await live()).toBe(before)
  from.remove()
})

itInFull('goes back where a browser would refuse the CA of the certificate, and says why', async () => {
  const before = await live()
  const from = source({ 'n.txt': 'another CA' })
  const ca = '/etc/ssl/capstan/foobar.com.ca'
  // It leads to the certificate in service, which stays.
  await host.say(`mv -T ${ca} /root/kept.ca && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 \
    -subj '/CN=Another CA' -keyout /dev/null -out ${ca} 2>/dev/null`)
  const failed = await run.deploy(from)
  await host.say(`mv -T /root/kept.ca ${ca}`)
  expect(failed.error()).toMatchObject({
    code: 'step-verify',
    hint: expect.stringContaining(`${before} is live again`),
  })
  expect(failed.error().lines.join('\n')).toMatch(
    /a browser would refuse the certificate.*: self.signed certificate/i,
  )
  expect(await live()).toBe(before)
  expect(await running()).toEqual([`foobar@${before}.service`])
  from.remove()
})

itInFull('gives a release that takes its time to answer that time again after the switch', async () => {
  const from = source({ 'public/index.php': "<?php sleep(2); echo 'ok ', getenv('RELEASE');" })
  const slow = await run.deploy(from, { vars: { app: { release: { health: { timeout: '10s' } } } } })
  expect(slow.exitCode, slow.stdout).toBe(0)
  expect(slow.lines.find(line => line.step === 'verify' && line.state === 'done')?.note).toMatch(
    /^200 in 2\d{3} ms/,
  )
  from.remove()
})

it('rolls back to the good release before, in the order of deploys, and says which there are', async () => {
  const from = source({ 'n.txt': '1' })
  await run.deploy(from)
  const first = await live()
  from.write({ 'n.txt': '2' })
  await run.deploy(from)
  const second = await live()
  const back = await run.rollback()
  expect(back.exitCode).toBe(0)
  expect(await live()).toBe(first)
  expect(await running()).toEqual([`foobar@${first}.service`])
  expect((await run.rollback('--to', second.slice(-7))).exitCode).toBe(0)
  expect(await live()).toBe(second)
  expect((await run.rollback('--to', second)).lines.find(({ event }) => event === 'release')).toMatchObject({
    outcome: 'already live',
  })
  const none = await run.rollback('--to', '0000000')
  expect(none.exitCode).toBe(1)
  expect(none.error().lines.join('\n')).toContain(first)
  expect((await run.rollback('--steps', '99')).exitCode).toBe(1)
  expect((await run.rollback('--to', '../../etc')).exitCode).toBe(2)
  expect(await live()).toBe(second)
  from.remove()
})

itInFull('deploys content that was live before as that release, with nothing sent', async () => {
  const from = source({ 'n.txt': '1' })
  const again = await run.deploy(from)
  expect(again.exitCode).toBe(0)
  expect(steps(again.lines)).not.toContain('upload')
  from.remove()
})

it.each(
  some(
    [
      [
        'a folder',
        `mv ${home}/current ${home}/kept && mkdir ${home}/current`,
        `rmdir ${home}/current && mv -T ${home}/kept ${home}/current`,
      ],
      [
        'a link that leads nowhere',
        `cp -P ${home}/current ${home}/kept && ln -sfn releases/20200101T000000Z-0000000 ${home}/current`,
        `mv -T ${home}/kept ${home}/current`,
      ],
      [
        'a link out of the releases',
        `cp -P ${home}/current ${home}/kept && ln -sfn /etc ${home}/current`,
        `mv -T ${home}/kept ${home}/current`,
      ],
    ] as const,
    1,
  ),
)('refuses a host where current is %s', async (_title, spoil, repair) => {
  const from = source({ 'n.txt': 'astray' })
  await host.say(spoil)
  const refused = await run.deploy(from)
  await host.say(repair)
  expect(refused.exitCode).toBe(1)
  expect(refused.error().code).toBe('current-astray')
  from.remove()
})

it('stops before anything changes where a shared folder is missing', async () => {
  const from = source({ 'n.txt': 'shared' })
  await host.say(`mv ${home}/shared/storage ${home}/shared/gone`)
  const refused = await run.deploy(from)
  await host.say(`mv ${home}/shared/gone ${home}/shared/storage`)
  expect(refused.error()).toMatchObject({ code: 'shared-missing', lines: ['storage is missing'] })
  from.remove()
})

itInFull(
  'keeps good releases only, never removes the live one or the one before, and no file of the app stands in the way',
  async () => {
    const from = source()
    const vars = { app: { release: { keep: 3, health: { timeout: '1s' } } } }
    const deployed: string[] = []
    for (let i = 0; i < 5; i++) {
      from.write({ 'n.txt': `prune ${i}` })
      await run.deploy(from, { vars })
      deployed.push(await live())
      await host.say(`install -o foobar -g www-data -m 400 /dev/null ${home}/current/run/of-the-app`)
      from.write({ 'public/index.php': brokenIndex, 'n.txt': `broken ${i}` })
      await run.deploy(from, { vars })
      from.write({ 'public/index.php': '<?php echo "ok ", getenv("RELEASE");' })
    }
    const { releases } = JSON.parse((await run.releases()).stdout)
    const good = releases.filter(({ state }: { state: string }) => state === 'good')
    expect(good.map(({ id }: { id: string }) => id)).toEqual(deployed.slice(-3).reverse())
    expect(releases.length).toBeLessThanOrEqual(5)
    expect((await run.rollback('--steps', '2')).exitCode).toBe(0)
    expect(await live()).toBe(deployed[2])
    from.remove()
  },
)

itInFull('rejects a kept release that was changed by hand: all files are sent again', async () => {
  const from = source({ 'public/logo.txt': 'the logo, as it should be' })
  expect((await run.deploy(from)).exitCode).toBe(0)
  await host.say(`printf 'the logo, as it was hacked' >${home}/current/public/logo.txt`)
  from.write({ 'n.txt': 'tampered' })
  const anew = await run.deploy(from)
  expect(anew.exitCode).toBe(0)
  expect(anew.lines.find(({ event }) => event === 'warning')?.message).toContain('all files are sent')
  expect(await host.say(`cat ${home}/current/public/logo.txt`)).toBe('the logo, as it should be')
  from.remove()
})

it('lets one of two deploys through, and tells the other who holds it', async () => {
  const [one, two] = [source({ 'n.txt': 'one' }), source({ 'n.txt': 'two' })]
  const runs = await Promise.all([
    run.deploy(one, { args: ['--wait', '0'] }),
    run.deploy(two, { args: ['--wait', '0'] }),
  ])
  expect(runs.map(({ exitCode }) => exitCode).sort()).toEqual([0, 75])
  const lost = runs.find(({ exitCode }) => exitCode === 75)
  expect(lost?.error()).toMatchObject({
    code: 'locked',
    message: expect.stringMatching(/foobar is locked by \S+@\S+ since 2/),
  })

  const both = await Promise.all([run.deploy(one), run.deploy(two)])
  expect(both.map(({ exitCode }) => exitCode)).toEqual([0, 0])
  one.remove()
  two.remove()
})

it('holds deploys up while they are frozen, and shows visitors the maintenance page', async () => {
  const from = source({ 'n.txt': 'frozen' })
  await run.releases('freeze', "Friday's", 'party')
  expect((await run.deploy(from)).error()).toMatchObject({
    code: 'frozen',
    message: expect.stringContaining("Friday's party"),
  })
  await run.releases('thaw')
  await run.releases('maintenance', 'on')
  expect((await run.deploy(from)).exitCode).toBe(0)
  await run.releases('maintenance', 'off')
  from.remove()
})

itInFull(
  'runs the hooks of a release in it, as the app, and stops before the switch when one says no',
  async () => {
    const say = (name: string) => ({
      [`deploy/${name}*`]: `#!/bin/sh\necho "$(basename "$0") $APP $RELEASE $(id -un)" >>${home}/shared/storage/hooks\n`,
    })
    const all = ['uploaded', 'before-activate', 'activated', 'failed', 'rolled-back'].map(say)
    const from = source(Object.assign({ 'n.txt': 'hooks' }, ...all))
    const told = () => host.say(`cat ${home}/shared/storage/hooks; rm -f ${home}/shared/storage/hooks`)
    const names = (text: string) =>
      text
        .split('\n')
        .filter(Boolean)
        .map(line =>
          line
            .split(' ')
            .filter((_word, at) => at !== 2)
            .join(' '),
        )
    const before = await live()
    expect((await run.deploy(from)).exitCode).toBe(0)
    expect(names(await told())).toEqual([
      'uploaded foobar foobar',
      'before-activate foobar foobar',
      'activated foobar foobar',
    ])
    const good = await live()
    expect((await run.rollback('--to', before)).exitCode).toBe(0)
    expect((await run.rollback('--to', good)).exitCode).toBe(0)
    expect(names(await told()).slice(-2)).toEqual(['activated foobar foobar', 'rolled-back foobar foobar'])

    from.write({ 'deploy/before-activate*': '#!/bin/sh\necho not on a Friday; exit 1\n' })
    const refused = await run.deploy(from)
    expect(refused.error()).toMatchObject({
      code: 'step-switch',
      hint: `The site is unchanged: ${good} is live.`,
    })
    expect(refused.error().lines).toContain('not on a Friday')
    expect(names(await told())).toEqual(['uploaded foobar foobar', 'failed foobar foobar'])
    expect(await live()).toBe(good)
    from.remove()
  },
)

itInFull(
  'serves files with a hash in their name after their release went, for as long as `release.assets` says',
  async () => {
    const from = source({ 'public/assets/app.0123abcd.js': 'old', 'public/plain.js': 'plain' })
    await run.deploy(from)
    const page = async (path: string) =>
      (await ask({ port: host.host.ports.https, url: `https://www.foobar.com${path}` })).body
    const next = source({ 'n.txt': 'assets' })
    await run.deploy(next)
    expect(await page('/assets/app.0123abcd.js')).toBe('old')
    expect(await page('/plain.js')).toContain('ok 2')
    await run.deploy(next)
    next.write({ 'n.txt': 'no assets' })
    await run.deploy(next, { vars: { app: { release: { assets: '0s' } } } })
    expect(await page('/assets/app.0123abcd.js')).toContain('ok 2')
    from.remove()
    next.remove()
  },
)

itInFull('keeps the release before started where it is to be warm, and links shared files', async () => {
  const from = source({ 'n.txt': 'warm' })
  const vars = { app: { release: { warm: true, files: ['config/keys.json'] } } }
  const before = await live()
  const missing = await run.deploy(from, { vars })
  expect(missing.error()).toMatchObject({ code: 'shared-missing', lines: ['config/keys.json is missing'] })
  await host.say(`mkdir -p ${home}/shared/config && echo '{}' >${home}/shared/config/keys.json`)
  expect((await run.deploy(from, { vars })).exitCode).toBe(0)
  expect(await host.say(`cat ${home}/current/config/keys.json`)).toBe('{}\n')
  expect((await running()).toSorted()).toEqual(
    [before, await live()].map(id => `foobar@${id}.service`).sort(),
  )
  expect((await run.rollback()).exitCode).toBe(0)
  expect(await running()).toEqual([`foobar@${before}.service`])
  from.remove()
})

it('loses no request through switches, with slow ones and new connections among them', async () => {
  const [one, two] = [source({ 'n.txt': 'load 1' }), source({ 'n.txt': 'load 2' })]
  await run.deploy(one)
  const target = { address: '127.0.0.1', port: host.host.ports.https, domain: 'www.foobar.com', path: '/' }
  const visitors = [
    startLoad({ ...target, connections: 4, keepAlive: true, pause: 25 }),
    startLoad({ ...target, connections: 2, keepAlive: false, pause: 25 }),
    startLoad({ ...target, path: '/slow', connections: 2, keepAlive: true }),
  ]
  for (let i = 0; i < (isInFull ? 3 : 1); i++) {
    expect((await run.deploy(i % 2 ? one : two)).exitCode).toBe(0)
    expect((await run.rollback('--to', (i % 2 ? two : one) && (await before()))).exitCode).toBe(0)
  }
  const results = await Promise.all(visitors.map(each => each.stop()))
  for (const { failures, requests } of results) {
    expect(failures).toEqual({})
    expect(requests).toBeGreaterThan(5)
  }
  one.remove()
  two.remove()

  async function before(): Promise<string> {
    const { releases, current } = JSON.parse((await run.releases()).stdout)
    return releases.find(({ id, state }: { id: string; state: string }) => id !== current && state === 'good')
      .id
  }
})

itInFull('serves the live release, alone, after a reboot', async () => {
  const release = await live()
  host = await rebooted(host)
  run = scripts(host)
  expect(await running()).toEqual([`foobar@${release}.service`])
})
