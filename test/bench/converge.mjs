#!/usr/bin/env node
// Times a converged run of the whole site beside Ansible with the same site, and beside the floor: one ssh that runs
// one batched probe. All on one host, in turn, so that a noisy machine is noisy for all: `npm run bench:converge`.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import '../../scripts/typescript.mjs'

const require = createRequire(import.meta.url)
const root = dirname(dirname(import.meta.dirname))
const { playbook } = require('./playbook.ts')
const { sandboxUp } = require('../../scripts/engine/sandbox/sandbox.ts')
const rounds = Number(process.argv[2] ?? 5)
const folder = mkdtempSync(join(tmpdir(), 'capstan-bench-'))
const inventory = join(folder, 'bench.yml')
writeFileSync(
  inventory,
  'vars: { mysql: { password: !generated DB_PASSWORD } }\nhosts:\n  bench1: { connection: sandbox, debian: 12 }\n',
  { mode: 0o600 },
)
const [host] = await sandboxUp([{ name: 'bench1', debian: 12 }], { root, say: console.log })
const ssh = ['-i', host.keyFile, '-o', `UserKnownHostsFile=${host.knownHostsFile}`, '-p', String(host.port)]

const capstan = [process.execPath, ['scripts/site.mjs', '-i', inventory, '-t', 'dns,nginx,app,mysql,tls']]
console.log('converging bench1 …')
must(capstan)
must([
  'ssh',
  [...ssh, 'root@127.0.0.1', 'apt-get install -qq -y --no-install-recommends python3 python3-apt >/dev/null'],
])
const { tasks, probe } = await playbook(root, inventory, host)
writeFileSync(join(folder, 'site.yml'), JSON.stringify([{ hosts: 'all', tasks }]))
writeFileSync(
  join(folder, 'hosts'),
  `bench1 ansible_host=127.0.0.1 ansible_port=${host.port} ansible_user=root ansible_ssh_private_key_file=${host.keyFile} ansible_ssh_common_args='-o UserKnownHostsFile=${host.knownHostsFile}'\n`,
)
writeFileSync(join(folder, 'probe.sh'), probe)
console.log(`${tasks.length} Ansible tasks for the same resources; ${rounds} rounds, medians of seconds:`)

const play = ['ansible-playbook', ['-i', join(folder, 'hosts'), join(folder, 'site.yml')]]
const tuned = {
  ANSIBLE_PIPELINING: '1',
  ANSIBLE_SSH_ARGS: `-o ControlMaster=auto -o ControlPersist=60s -o ControlPath=${folder}/%C`,
  ANSIBLE_GATHERING: 'smart',
  ANSIBLE_CACHE_PLUGIN: 'jsonfile',
  ANSIBLE_CACHE_PLUGIN_CONNECTION: join(folder, 'facts'),
}
const stock = { ANSIBLE_SSH_ARGS: '-o ControlMaster=no' }
const contenders = {
  floor: () => must(['ssh', [...ssh, 'root@127.0.0.1', 'sh -s']], {}, probe),
  capstan: () => must(capstan),
  'ansible, tuned': () => must(play, tuned),
  'ansible, stock': () => must(play, stock),
}
for (const run of Object.values(contenders)) run()
const seconds = Object.fromEntries(Object.keys(contenders).map(name => [name, []]))
for (let round = 0; round < rounds; round++)
  for (const [name, run] of Object.entries(contenders)) seconds[name].push(run())
for (const [name, all] of Object.entries(seconds)) {
  const ratio = median(all.map((one, round) => one / seconds.capstan[round]))
  console.log(
    `${name.padEnd(16)} ${median(all).toFixed(2).padStart(8)}   ${ratio.toFixed(2).padStart(7)} × capstan`,
  )
}

function must([program, words], environment = {}, input = '') {
  const began = performance.now()
  const done = spawnSync(program, words, {
    cwd: root,
    env: { ...process.env, ...environment },
    input,
    encoding: 'utf8',
  })
  if (done.status !== 0) throw new Error(`${program} ended with ${done.status}: ${done.stdout}${done.stderr}`)
  return (performance.now() - began) / 1000
}

function median(all) {
  return all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)]
}
