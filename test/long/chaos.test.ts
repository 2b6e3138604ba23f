import { afterAll, beforeAll, expect, it } from 'vitest'
import { findEngine } from '#engine/sandbox/engine.ts'
import { containerName } from '#engine/sandbox/plan.ts'
import { readState } from '#engine/sandbox/state.ts'
import { openWire, type Wire } from '../connection/wire.ts'
import { type LoadResult, startLoad } from '../deploy/load.ts'
import { source, wellIndex } from '../sandbox/deploy-app.ts'
import { kept } from '../sandbox/kept.ts'
import { type Machine, machine, root } from '../sandbox/machine.ts'
import { type RunningSite, runHere, type SiteOptions, startSite } from '../sandbox/site.ts'

// Kills whatever takes part in a deploy, a rollback, a restart or a converge, at a random moment, while visitors ask for the
// site: the invariants hold at once, and one plain deploy brings the host to what it should be. `CHAOS_SEED` repeats a run;
// `CHAOS_KILL` and `CHAOS_OPERATION` choose one of each.
const rounds = Number(process.env['CHAOS_ROUNDS'] ?? 300)
const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000)
const home = '/srv/www/foobar'
const random = mulberry32(seed)
const pick = (all: object, only: string | undefined): string => {
  const names = Object.keys(all).filter(name => only === undefined || name === only)
  return names[Math.floor(random() * names.length)] ?? ''
}

let host: Machine
let count = 0
const from = source({
  'public/index.php': wellIndex,
  'deploy/migrate*': '#!/bin/sh\nsleep 0.3; echo migrated\n',
})
const vars = (mode = 'as it was') => ({
  app: { release: { health: { timeout: '5s' } }, environment: { MODE: mode } },
})

beforeAll(async () => {
  host = await machine('chaos12', 12, await kept('site', 12))
  expect((await runHere({ hosts: host, args: ['-t', 'nginx,app'], vars: vars() })).exitCode).toBe(0)
  expect((await deploy()).exitCode).toBe(0)
}, 900_000)
afterAll(() => {
  host?.close()
  from.remove()
})

const options = (script: SiteOptions['script'], args: readonly string[], mode?: string): SiteOptions => ({
  ...(script && { script }),
  hosts: host,
  vars: vars(mode),
  args,
  seconds: 150,
})
const deploy = () => runHere(options('deploy', ['--source', from.folder, '--wait', '90']))

/** What is killed while it runs; each begins with content of its own. */
const operations: Readonly<Record<string, (hosts: Readonly<Record<string, object>>) => RunningSite>> = {
  deploy: hosts => {
    from.write({ 'n.txt': `${seed} ${count++}` })
    return startSite({ ...options('deploy', ['--source', from.folder, '--wait', '90']), hosts })
  },
  rollback: hosts => startSite({ ...options('rollback', ['--wait', '90']), hosts }),
  restart: hosts => startSite({ ...options('releases', ['restart']), hosts }),
  converge: hosts => startSite({ ...options(undefined, ['-t', 'nginx,app'], `${count++}`), hosts }),
}

/** Milliseconds of each operation where nothing is killed. */
async function durations(): Promise<Readonly<Record<string, number>>> {
  const took: Record<string, number> = {}
  for (const [name, start] of Object.entries(operations)) {
    const began = performance.now()
    const { exitCode, stdout } = await start({ [host.name]: host.through(host.host.port) }).done
    expect(exitCode, stdout.slice(-3000)).toBe(0)
    took[name] = performance.now() - began
  }
  return took
}

// Of this boot alone: the numbers of one before are others' by now.
const sessions =
  'find /var/lib/capstan/runs -name pid -newer /run/systemd/private -exec cat {} + 2>/dev/null | sort -u'
const oneOf = (pids: string) =>
  `set -- $(${pids}); [ $# = 0 ] || { shift $(( ${Math.floor(random() * 1000)} % $# )); kill -9 "$1" 2>/dev/null; }; :`

const kills: Readonly<Record<string, (run: RunningSite, wire: Wire, visitors: Visitors) => unknown>> = {
  controller: run => run.child.kill('SIGKILL'),
  'a process of the stage': () => host.say(oneOf(`for s in $(${sessions}); do pgrep -s "$s"; done`)),
  'a process of the session': () =>
    host.say(oneOf('pgrep -f "lease[.]|runs/.*follow|[d]eploy-foobar.holder"')),
  'the stage, whole': () => host.say(`for s in $(${sessions}); do pkill -9 -s "$s"; done; :`),
  'the connection, both ends': (_run, wire) => wire.reset(),
  'the connection, this end': (_run, wire) => wire.cut(),
  'a transient unit of a hook': () =>
    host.say(`systemctl kill -s KILL 'capstan-*-foobar.service' 2>/dev/null; :`),
  'the host, which boots again': (_run, _wire, visitors) => visitors.away(crash),
}

/** The host before it booted again: a run that began then has its files. */
const before: Machine[] = []

/** All processes of the host die at once, as at a power loss; then it boots. */
async function crash(): Promise<void> {
  const engine = await findEngine(readState(root)?.engine, () => {})
  await engine.must(['kill', containerName(root, host.name)])
  before.push(host)
  host = await machine(host.name, 12)
  const { stdout: state } = await host.run('systemctl is-system-running --wait', 120)
  const failed = await host.say(
    `for unit in $(systemctl list-units --failed --plain --no-legend | cut -d' ' -f1); do systemctl status --no-pager -n 20 $unit; done; :`,
  )
  expect(state, failed).toBe('running\n')
}

/** People who ask for the site without end. */
class Visitors {
  readonly met: LoadResult[] = []
  #here = this.#come()

  /** What they meet while `work` is done does not count: they are not there. */
  async away(work: () => Promise<void>): Promise<void> {
    await this.leave()
    await work()
    this.#here = this.#come()
  }

  async leave(): Promise<void> {
    this.met.push(...(await Promise.all(this.#here.map(each => each.stop()))))
  }

  #come() {
    const target = { address: '127.0.0.1', port: host.host.ports.https, domain: 'www.foobar.com', path: '/' }
    return [true, false].map(keepAlive => startLoad({ ...target, keepAlive, connections: 2, pause: 20 }))
  }
}

it(`comes through ${rounds} random kills under load (seed ${seed})`, {
  timeout: rounds * 60_000,
}, async () => {
  const visitors = new Visitors()
  const tally: Record<string, number> = {}
  const took = await durations()
  for (let round = 1; round <= rounds; round++) {
    const operation = pick(operations, process.env['CHAOS_OPERATION'])
    const kill = pick(kills, process.env['CHAOS_KILL'])
    const delay = Math.floor(random() * (took[operation] ?? 0))
    const what = `round ${round} of seed ${seed}: ${operation}, ${kill} after ${delay} ms`
    const wire = await openWire(host.host.port)
    const run = operations[operation]?.({ [host.name]: host.through(wire.port) })
    if (!run) throw new Error(operation)
    await new Promise(resolve => setTimeout(resolve, delay))
    await kills[kill]?.(run, wire, visitors)
    const { exitCode, signal, lines, stderr } = await run.done
    wire.close()
    for (const each of before.splice(0)) each.close()
    tally[`${operation}, ${kill}: ${signal ?? exitCode}`] =
      (tally[`${operation}, ${kill}: ${signal ?? exitCode}`] ?? 0) + 1
    await expectWell(what)
    const next = await deploy()
    expect(next.exitCode, `${what}: the next deploy\n${next.stdout.slice(-3000)}`).toBe(0)
    await expectClean(what)
    const why = lines.find(line => line.event === 'failed')?.error?.message ?? stderr.trim().split('\n')[0]
    process.stderr.write(`${what}: ${signal ?? exitCode} ${exitCode === 0 ? '' : why}\n`)
  }
  await visitors.leave()
  const requests = visitors.met.reduce((sum, each) => sum + each.requests, 0)
  console.log(`seed ${seed}: ${rounds} rounds, ${requests} requests`, tally)
  for (const { failures } of visitors.met) expect(failures).toEqual({})
  expect(requests).toBeGreaterThan(rounds * 20)
  const again = await runHere(options(undefined, ['-t', 'nginx,app']))
  expect(again.exitCode, again.stdout.slice(-3000)).toBe(0)
  expect((await runHere(options(undefined, ['-t', 'nginx,app']))).recap()).toMatchObject({
    changed: 0,
    trips: 2,
  })
})

/** At once: current is a whole release, it answers, and nginx would start from its files. */
async function expectWell(what: string): Promise<void> {
  const found = await host.say(`cd ${home} && id=$(basename "$(readlink current)") && echo "$id" &&
    sha256sum <current/.capstan/manifest | cut -c1-7 && nginx -t 2>/dev/null && echo ok &&
    perl -ne 'exit 1 unless /^\\{.*\\}$/' releases.jsonl && echo log`)
  const [id = '', sum, ...rest] = found.trim().split('\n')
  expect([sum, ...rest], what).toEqual([id.slice(-7), 'ok', 'log'])
}

/** After the next deploy: one instance, no half release, no unit, lock or process of a run. */
async function expectClean(what: string): Promise<void> {
  const left = await host.say(`cd ${home}; ls -d .[a-z]* releases/.[a-z]* 2>/dev/null
    systemctl list-units --plain --no-legend --state=active,activating,deactivating 'capstan-*' 'foobar@*' | grep -vF -e capstan-checksums.timer -e "foobar@$(basename "$(readlink current)").service"
    for s in $(${sessions}); do ps -o pid,sess,stat,args --no-headers -s "$s"; done; ls /run/capstan | grep stage; :`)
  expect(left, what).toBe('')
}

/** A generator of numbers from 0 to 1 that a seed repeats. Source: mulberry32, public domain. */
function mulberry32(start: number): () => number {
  let a = start
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
