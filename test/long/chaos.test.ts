import { afterAll, beforeAll, expect, it } from 'vitest'
import { openWire, type Wire } from '../connection/wire.ts'
import { startLoad } from '../deploy/load.ts'
import { source, wellIndex } from '../sandbox/deploy-app.ts'
import { kept } from '../sandbox/kept.ts'
import { type Machine, machine } from '../sandbox/machine.ts'
import { type RunningSite, runHere, type SiteOptions, startSite } from '../sandbox/site.ts'

// Kills whatever takes part in a deploy, a rollback, a restart or a converge, at a random moment, while visitors ask for the
// site: the invariants hold at once, and one plain deploy brings the host to what it should be. `CHAOS_SEED` repeats a run.
const rounds = Number(process.env['CHAOS_ROUNDS'] ?? 300)
const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000)
const home = '/srv/www/foobar'
const random = mulberry32(seed)
const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T

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
  host = await machine('chaos12', 12, await kept('web', 12))
  expect((await runHere({ hosts: host, words: ['-t', 'nginx,app'], vars: vars() })).exitCode).toBe(0)
  expect((await deploy()).exitCode).toBe(0)
}, 900_000)
afterAll(() => {
  host?.close()
  from.remove()
})

const options = (script: SiteOptions['script'], words: readonly string[], mode?: string): SiteOptions => ({
  ...(script && { script }),
  hosts: host,
  vars: vars(mode),
  words,
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

const sessions = `for run in /var/lib/capstan/runs/*/pid; do cat "$run"; done 2>/dev/null | sort -u`
const oneOf = (pids: string) =>
  `set -- $(${pids}); [ $# = 0 ] || { shift $(( ${Math.floor(random() * 1000)} % $# )); kill -9 "$1" 2>/dev/null; }; :`

const kills: Readonly<Record<string, (run: RunningSite, wire: Wire) => unknown>> = {
  controller: run => run.child.kill('SIGKILL'),
  'a process of the stage': () => host.say(oneOf(`for s in $(${sessions}); do pgrep -s "$s"; done`)),
  'a process of the session': () =>
    host.say(oneOf('pgrep -f "lease[.]|runs/.*follow|[d]eploy-foobar.holder"')),
  'the stage, whole': () => host.say(`for s in $(${sessions}); do pkill -9 -s "$s"; done; :`),
  'the connection, both ends': (_run, wire) => wire.reset(),
  'the connection, this end': (_run, wire) => wire.cut(),
  'a transient unit of a hook': () =>
    host.say(`systemctl kill -s KILL 'capstan-*-foobar.service' 2>/dev/null; :`),
}

const site = { address: '127.0.0.1', domain: 'www.foobar.com', path: '/' }

it(`comes through ${rounds} random kills under load (seed ${seed})`, {
  timeout: rounds * 60_000,
}, async () => {
  const target = { ...site, port: host.host.ports.https }
  const visitors = [
    startLoad({ ...target, connections: 2, keepAlive: true, pause: 20 }),
    startLoad({ ...target, connections: 2, keepAlive: false, pause: 20 }),
  ]
  const tally: Record<string, number> = {}
  for (let round = 1; round <= rounds; round++) {
    const operation = pick(Object.keys(operations))
    const kill = pick(Object.keys(kills))
    const delay = Math.floor(random() * 2500)
    const what = `round ${round} of seed ${seed}: ${operation}, ${kill} after ${delay} ms`
    const wire = await openWire(host.host.port)
    const run = operations[operation]?.({ [host.name]: host.through(wire.port) })
    if (!run) throw new Error(operation)
    await new Promise(resolve => setTimeout(resolve, delay))
    await kills[kill]?.(run, wire)
    const { exitCode, signal } = await run.done
    wire.close()
    tally[`${operation}, ${kill}: ${signal ?? exitCode}`] =
      (tally[`${operation}, ${kill}: ${signal ?? exitCode}`] ?? 0) + 1
    await expectWell(what)
    const next = await deploy()
    expect(next.exitCode, `${what}: the next deploy\n${next.stdout.slice(-3000)}`).toBe(0)
    await expectClean(what)
  }
  const met = await Promise.all(visitors.map(each => each.stop()))
  const requests = met.reduce((sum, each) => sum + each.requests, 0)
  console.log(`seed ${seed}: ${rounds} rounds, ${requests} requests`, tally)
  for (const { failures } of met) expect(failures).toEqual({})
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
    systemctl list-units --plain --no-legend --state=active,activating,deactivating 'capstan-*' 'foobar@*' | grep -vF "foobar@$(basename "$(readlink current)").service"
    for s in $(${sessions}); do pgrep -s "$s"; done; ls /run/capstan | grep stage; :`)
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
