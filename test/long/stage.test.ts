import { afterAll, beforeAll, expect, it } from 'vitest'
import { connectSsh } from '#engine/connection/ssh.ts'
import { HostConnection } from '#engine/host/host-connection.ts'
import { type Machine, machine } from '../sandbox/machine.ts'

const runs = '/var/lib/capstan/runs'
let host: Machine
beforeAll(async () => {
  host = await machine('stage1', 12)
})
afterAll(() => host?.close())

/** What a stage printed that ran on the host, followed from here; its marks begin with `0123`. */
async function followed(id: string, script: string, orphans: 'kill' | 'wait' = 'wait'): Promise<string> {
  const { address, port, keyFile, knownHostsFile } = host.host
  const login = { host: host.name, address, port, user: 'root', keyFile, knownHostsFile, sudo: 'no' } as const
  const connection = new HostConnection(host.name, () => connectSsh(login), {
    run: { runId: id, who: 'ann@laptop', url: undefined },
    emit: () => {},
    stop: new AbortController().signal,
    wait: 0,
  })
  const log: Buffer[] = []
  const whole = `NONCE=0123\n${script}`
  await connection
    .stage({ id, script: whole, orphans }, chunk => log.push(chunk))
    .finally(() => connection.close())
  return Buffer.concat(log).toString()
}

// In the middle of exec(2) a process has no command line to be known by, as if it were gone.
it('follows what runs on the host while that becomes another program, many times', async () => {
  const becoming = `n=\${1:-0}; [ "$n" = 2000 ] || exec sh "$0" $((n + 1)); echo at the end`
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

it.each(['kill', 'wait'] as const)(
  'takes no process for its own (%s) that got its number at a boot',
  async orphans => {
    const at = `${runs}/booted`
    const other = `$(pgrep -f '[s]leep 4321')`
    await host.say(`rm -rf ${at}; setsid sleep 4321 >/dev/null 2>&1 </dev/null &
    mkdir -p ${at}; until [ -n "${other}" ]; do sleep 0.02; done
    echo "${other}" >${at}/pid; echo 'before the boot' >${at}/log; echo of-before >${at}/boot`)
    expect(await followed('booted', 'echo never', orphans)).toBe('before the boot\n')
    expect((await host.run(`kill "${other}"`)).exitCode).toBe(0)
  },
)

it('keeps the logs of the ten runs before', async () => {
  await host.say(`rm -rf ${runs}; mkdir -p ${runs}; cd ${runs}; for i in $(seq 10 30); do mkdir "a$i"; done`)
  await followed('b', 'echo b')
  const kept = (await host.say(`ls ${runs}`)).trim().split('\n')
  expect(kept).toEqual([...Array.from({ length: 10 }, (_, i) => `a${21 + i}`), 'b'])
})
