#!/usr/bin/env node
// Times a converged run of the whole site beside the floor (one ssh that runs one batched probe) and beside Ansible with
// the same site: as it ships, tuned, and with Mitogen. All on one host and in turn, so that a noisy machine is noisy for
// all; each without a connection of an earlier run; over a wire of 0 ms and one of 50 ms there and back.
// `npm run bench:converge [ROUNDS] [MILLISECONDS,…]`
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import '../../scripts/typescript.mjs'

const require = createRequire(import.meta.url)
const root = dirname(dirname(import.meta.dirname))
const { playbook } = require('./playbook.ts')
const { ansibleInventory, ansibleSetups, endMasters } = require('./ansible.ts')
const { openWire } = require('../connection/wire.ts')
const { kept } = require('../sandbox/kept.ts')
const { machine } = require('../sandbox/machine.ts')

const rounds = Number(process.argv[2] ?? 5)
const latencies = (process.argv[3] ?? '0,50').split(',').map(Number)
const password = 'of-hosts-that-are-kept'
const vars = { mysql: { password, bufferPool: '128m' }, app: { database: { password } } }
const folder = mkdtempSync(join(tmpdir(), 'capstan-bench-'))
const wires = []

if (spawnSync('sh', ['-c', 'command -v ansible-playbook']).status !== 0) {
  console.log('installing ansible-core and ansible-mitogen …')
  must(spawnSync('sh', ['-c', 'apt-get install -qq -y --no-install-recommends ansible-core ansible-mitogen']))
}
console.log('a converged host …')
const host = await machine('bench1', 12, await kept('site', 12))
try {
  const python =
    'DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends python3 python3-apt >/dev/null'
  await host.say(`command -v python3 >/dev/null || { apt-get update -qq; ${python}; }`, 600)
  for (const latency of latencies) await compare(latency)
} finally {
  endMasters(folder)
  for (const wire of wires) wire.close()
  host.close()
  rmSync(folder, { recursive: true, force: true })
}

async function compare(latency) {
  const wire = await openWire(host.host.port, { delay: latency / 2 })
  wires.push(wire)
  const settings = host.through(wire.port)
  const inventory = join(folder, `site-${latency}.json`)
  writeFileSync(inventory, JSON.stringify({ vars, hosts: { bench1: settings } }), { mode: 0o600 })
  const { tasks, probe } = await playbook(root, inventory, host.host)
  const play = join(folder, 'site.yml')
  writeFileSync(play, JSON.stringify([{ hosts: 'all', tasks }]))
  const hosts = ansibleInventory(folder, settings)
  const ssh = [
    '-F',
    'none',
    '-i',
    settings.key,
    '-p',
    String(wire.port),
    '-o',
    `UserKnownHostsFile=${settings.known_hosts}`,
  ]
  const contenders = {
    floor: () => timed(['ssh', ...ssh, '-o', 'HostKeyAlias=bench1', 'root@127.0.0.1', 'sh -s'], {}, probe),
    capstan: () => timed([process.execPath, 'scripts/site.mjs', '-i', inventory]),
  }
  for (const { label, environment } of ansibleSetups(folder))
    contenders[label] = async () => {
      endMasters(folder)
      return timed(['ansible-playbook', '-i', hosts, play], environment)
    }
  const described = ansibleSetups(folder).map(({ label, settings }) => `${label}: ${settings}`)
  console.log(
    `\n${latency} ms: ${tasks.length} tasks of Ansible for the same resources, ${rounds} rounds, medians of seconds\n${described.join('\n')}`,
  )
  // Not counted: what is read, compiled or cached the first time.
  for (const run of Object.values(contenders)) await run()
  const seconds = Object.fromEntries(Object.keys(contenders).map(name => [name, []]))
  for (let round = 0; round < rounds; round++)
    for (const [name, run] of Object.entries(contenders)) seconds[name].push(await run())
  const before = wire.waits()
  await contenders.capstan()
  const waits = wire.waits() - before
  const times = all => median(all.map((one, round) => one / seconds.capstan[round])).toFixed(1)
  for (const [name, all] of Object.entries(seconds))
    console.log(
      `${name.padEnd(20)} ${median(all).toFixed(2).padStart(8)} s   ${times(all).padStart(7)} × capstan`,
    )
  const floors = median(seconds.capstan.map((one, round) => one / seconds.floor[round])).toFixed(2)
  console.log(`capstan is ${floors} × the floor, and waits ${waits} times on the wire`)
}

// Not spawnSync: the wire is in this process.
function timed([program, ...args], environment = {}, input = '') {
  const began = performance.now()
  const child = spawn(program, args, { cwd: root, env: { ...process.env, ...environment } })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (output += chunk))
  child.stdin.on('error', () => {}).end(input)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    // Not close: the connection that Ansible leaves open holds its outputs.
    child.on('exit', status =>
      status === 0
        ? resolve((performance.now() - began) / 1000)
        : reject(new Error(`${program} ended with ${status}: ${output}`)),
    )
  })
}

function must({ status, stderr }) {
  if (status !== 0) throw new Error(`apt-get ended with ${status}: ${stderr}`)
}

function median(all) {
  return all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)]
}
