import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { liveRelease, scripts, source, wellIndex } from '../sandbox/deploy-app.ts'
import { kept } from '../sandbox/kept.ts'
import { type Machine, machine } from '../sandbox/machine.ts'
import { runHere } from '../sandbox/site.ts'
import { ask } from '../sandbox/web-request.ts'

const home = '/srv/www/foobar'
let host: Machine
let run: ReturnType<typeof scripts>
let count = 0

const live = () => liveRelease(host)
const all = async () => (await host.say(`ls ${home}/releases`)).split('\n').filter(Boolean)
const page = async () =>
  (await ask({ port: host.host.ports.https, url: 'https://www.foobar.com/' })).body.trim()
const ship = async () => {
  const from = source({ 'public/index.php': wellIndex, 'n.txt': `${count++}` })
  const deployed = await run.deploy(from)
  from.remove()
  return deployed
}
const warned = (lines: readonly { readonly event: string; readonly message?: string }[]) =>
  lines.flatMap(({ event, message }) => (event === 'warning' ? [message] : [])).join('\n')

beforeAll(async () => {
  host = await machine('records12', 12, await kept('site', 12))
  run = scripts(host)
  expect((await runHere({ hosts: host, args: ['-t', 'nginx,app'] })).exitCode).toBe(0)
}, 600_000)
afterAll(() => host?.close())
// Three good releases, of which the last is live.
beforeEach(async () => {
  await host.say(
    `systemctl stop 'foobar@*'; rm -rf ${home}/current ${home}/releases/* ${home}/releases.jsonl* /etc/systemd/system/foobar@2*`,
  )
  for (let i = 0; i < 3; i++) expect((await ship()).exitCode).toBe(0)
})

describe('what lies on the host is taken for what it is', () => {
  const harms = [
    ['a last line that a crash cut', `printf '{"release":"2026' >>releases.jsonl`, 'releases.jsonl'],
    ['a line of garbage', `sed -i '4i \\x00\\xff not a line' releases.jsonl`, 'releases.jsonl'],
    ['a line of another shape', `echo '{"release":7,"state":[]}' >>releases.jsonl`, 'releases.jsonl'],
    [
      'a live release’s manifest of garbage',
      'head -c 300 /dev/urandom >current/.capstan/manifest',
      'manifest',
    ],
    ['a live release’s description of garbage', 'echo "{" >current/.capstan/release', '.capstan/release'],
  ] as const
  it.each(harms)(
    '%s: a deploy succeeds, says what it can’t read, and removes no release',
    async (_what, harm, told) => {
      const before = await all()
      await host.say(`cd ${home} && ${harm}`)
      const listed = await run.releases('--json')
      expect(listed.exitCode, listed.stderr).toBe(0)
      const vars = { app: { release: { keep: 2, health: { timeout: '3s' } } } }
      const from = source({ 'public/index.php': wellIndex, 'n.txt': `${count++}` })
      const deployed = await run.deploy(from, { vars })
      from.remove()
      expect(deployed.exitCode, deployed.stdout.slice(-3000)).toBe(0)
      expect(warned(deployed.lines)).toContain(told)
      expect(await all()).toEqual([...before, await live()].sort())
      expect(await page()).toBe(`ok ${await live()}`)
    },
  )

  it('a line that can’t be read is moved aside, and the next deploy prunes again', async () => {
    await host.say(`echo garbage >>${home}/releases.jsonl`)
    expect(warned((await ship()).lines)).toContain('1 line(s) of releases.jsonl')
    expect(await host.say(`cat ${home}/releases.jsonl.unreadable`)).toBe('garbage\n')
    const vars = { app: { release: { keep: 2, health: { timeout: '3s' } } } }
    const from = source({ 'public/index.php': wellIndex, 'n.txt': `${count++}` })
    const next = await run.deploy(from, { vars })
    from.remove()
    expect(warned(next.lines)).toBe('')
    expect(await all()).toHaveLength(2)
  })

  it('without any log, a rollback still goes to the good release before', async () => {
    const [, second] = await all()
    await host.say(`rm ${home}/releases.jsonl`)
    const back = await run.rollback()
    expect(back.exitCode, back.stdout.slice(-3000)).toBe(0)
    expect(await live()).toBe(second)
    expect(await page()).toBe(`ok ${second}`)
  })

  it('a kept release that was changed is not rolled back to, and the error says which file', async () => {
    const before = await live()
    const [, second] = await all()
    await host.say(`rm ${home}/releases/${second}/public/index.php`)
    const back = await run.rollback()
    expect(back.exitCode).toBe(1)
    expect(back.error().lines.join('\n')).toContain('public/index.php is not as it was built')
    expect(await live()).toBe(before)
    expect(await page()).toBe(`ok ${before}`)
  })
})
