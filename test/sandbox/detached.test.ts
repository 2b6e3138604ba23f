import { afterAll, beforeAll, expect, it } from 'vitest'
import { connectSsh } from '#engine/connection/ssh.ts'
import { runDetached } from '#engine/converge/detached.ts'
import { type Machine, machine } from './machine.ts'

const runs = '/var/lib/capstan/runs'
let host: Machine
beforeAll(async () => {
  host = await machine('detached1', 12)
}, 120_000)
afterAll(() => host?.close())

/** What a script printed that ran on the host, followed from here. */
async function followed(id: string, script: string): Promise<string> {
  const { address, port, keyFile, knownHostsFile } = host.host
  const connection = await connectSsh({
    ...{ host: 'detached1', address, port, user: 'root', keyFile, knownHostsFile, sudo: 'no' },
  })
  let log = ''
  await runDetached(connection, {
    ...{
      id,
      script,
      onOutput: chunk => (log += chunk.toString('latin1')),
      stop: new AbortController().signal,
    },
    reconnect: () => Promise.reject(new Error('the connection broke')),
  }).finally(() => connection.close())
  return Buffer.from(log, 'latin1').toString()
}

// In the middle of exec(2) a process has no command line to be known by, as if it were gone.
it('follows what runs on the host while that becomes another program, two thousand times', async () => {
  const becoming = 'n=${1:-0}; [ "$n" = 2000 ] || exec sh "$0" $((n + 1)); echo at the end'
  expect(await followed('becoming', becoming)).toBe('at the end\n')
})

it('brings a script to the host byte for byte', async () => {
  const odd = String.fromCodePoint(...Array.from({ length: 0x2ff }, (_, i) => i + 1))
  expect(await followed('odd', `cat <<'END_OF_IT'\n${odd}\nEND_OF_IT\n`)).toBe(`${odd}\n`)
})

it('begins nothing that it could not follow', async () => {
  await host.say(`mkdir -p ${runs}/unknown/pid`)
  await expect(followed('unknown', 'echo begun >/srv/begun')).rejects.toMatchObject({
    code: 'not-begun',
    lines: [`${runs}/unknown/pid can't be written`],
  })
  expect(await host.say('sleep 0.2; ls /srv')).toBe('')
})

it('keeps the logs of the ten runs before', async () => {
  await host.say(`rm -rf ${runs}; mkdir -p ${runs}; cd ${runs}; for i in $(seq 10 30); do mkdir "a$i"; done`)
  await followed('b', 'echo b')
  const kept = (await host.say(`ls ${runs}`)).trim().split('\n')
  expect(kept).toEqual([...Array.from({ length: 10 }, (_, i) => `a${21 + i}`), 'b'])
})
