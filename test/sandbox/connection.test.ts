import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Connection } from '#engine/connection/connection.ts'
import { connectSsh } from '#engine/connection/ssh.ts'
import type { SshTarget } from '#engine/connection/target.ts'
import { sshTarget } from '#engine/run/reach.ts'
import { Secret } from '#engine/secret.ts'
import { openWire, type Wire } from '../connection/wire.ts'
import { debians, describeInFull, itInFull } from './cases.ts'
import { sudoPassword, type WireHost, wireHost } from './connection-host.ts'

let on: WireHost
const open: Connection[] = []
const wires: Wire[] = []

beforeAll(async () => {
  on = await wireHost()
})
afterAll(() => on.remove())
afterEach(async () => {
  await Promise.all(open.splice(0).map(connection => connection.close()))
  for (const wire of wires.splice(0)) wire.close()
})

async function login(target: SshTarget): Promise<Connection> {
  const connection = await connectSsh(target)
  open.push(connection)
  return connection
}

async function say(connection: Connection, script: string): Promise<string> {
  return (await connection.run(script)).stdout.toString()
}

async function wireTo(port: number, options = {}): Promise<Wire> {
  const wire = await openWire(port, options)
  wires.push(wire)
  return wire
}

/** Through a wire: another port, the same key under the host's own name. */
function through(wire: Wire, user = 'root', other: Partial<SshTarget> = {}): SshTarget {
  return on.target(user, {
    port: wire.port,
    knownHostsFile: on.knownHosts(`wire ${on.hostKey}`),
    hostKeyAlias: 'wire',
    ...other,
  })
}

describe.each(debians(12))('the users of a Debian %i host', debian => {
  let there: WireHost
  beforeAll(async () => {
    there = await wireHost(debian)
  })
  afterAll(() => there.remove())

  it.each([
    ['root', {}],
    ['free, whose zsh is noisy and who needs no password', {}],
    ['single, who may open one session', {}],
    ['asks, whose fish needs a password', { sudoPassword: new Secret(sudoPassword) }],
    ['free, with a password that is not needed', { sudoPassword: new Secret('not needed') }],
  ])('%s, becomes root', async (who, other) => {
    const connection = await login(there.target(who.split(',')[0] ?? '', other))
    expect(await say(connection, 'id -u; pwd; umask; echo "$LC_ALL"')).toBe('0\n/\n0022\nC\n')
    expect((await connection.run('echo err >&2')).stderr.toString()).toBe('err\n')
  })

  it.each(['free', 'asks'])('%s stays who it is where sudo is off', async user => {
    expect(await say(await login(there.target(user, { sudo: 'no' })), 'id -un')).toBe(`${user}\n`)
  })

  it.each([
    ['asks', 'sudo-password-needed', {}],
    ['asks', 'sudo-password-wrong', { sudoPassword: new Secret('wrong one') }],
    ['outsider', 'sudo-password-needed', {}],
    ['outsider', 'sudo-refused', { sudoPassword: new Secret(sudoPassword) }],
    ['ttyonly', 'sudo-tty', {}],
    ['locked', 'no-shell', {}],
  ])('%s is told %s', async (user, code, other) => {
    const refused = login(there.target(user, other)).then(connection => connection.run('true'))
    await expect(refused).rejects.toMatchObject({ code, exitCode: 1, hint: expect.any(String) })
  })

  it.each([
    ['needs one', {}, 'sudo asks asks for a password'],
    ['refuses it', { CAPSTAN_SUDO_PASSWORD: 'wrong one' }, 'sudo refused the password of asks'],
  ])('let run.mjs end where sudo %s', async (_, env, said) => {
    const { address, port, user, keyFile, knownHostsFile } = there.target('asks')
    const host = { address, port, user, key: keyFile, known_hosts: knownHostsFile }
    const inventory = join(there.directory, `asks${debian}.yml`)
    writeFileSync(inventory, JSON.stringify({ hosts: { there: host } }))
    const args = ['scripts/run.mjs', '-i', inventory, 'there', '--', 'true']
    const options = { env: { ...process.env, ...env }, timeout: 30_000 }
    const run = promisify(execFile)(process.execPath, args, options)
    // It was killed where it has a signal.
    await expect(run).rejects.toMatchObject({ code: 1, signal: null, stderr: expect.stringContaining(said) })
  })

  it('have an environment of ours alone, whatever sshd, PAM and sudo give them', async () => {
    const admin = await login(there.target('root'))
    const names = [
      'http_proxy',
      'PERL5OPT',
      'PERL5LIB',
      'LD_PRELOAD',
      'BASH_ENV',
      'ENV',
      'IFS',
      'PYTHONPATH',
      'TMPDIR',
    ]
    const given =
      'PERL5OPT=-MEvil PERL5LIB=/opt/evil LD_PRELOAD=/opt/evil/none.so BASH_ENV=/opt/evil/env ENV=/opt/evil/env'
    const environment = ['PERL5OPT=-MEvil', 'http_proxy=http://proxy.internal:3128', '']
    // A module and a library that leave a word in the output of every program that loads them. A restart of sshd, unlike a reload,
    // ends once it listens again.
    await say(
      admin,
      [
        'mkdir -p /opt/evil && echo "package Evil; print STDERR qq(evil); 1" >/opt/evil/Evil.pm && echo "echo evil >&2" >/opt/evil/env',
        `printf 'Match User root,free,asks\\nSetEnv ${given} IFS=x PYTHONPATH=/opt/evil TMPDIR=/opt/evil\\n' >/etc/ssh/sshd_config.d/evil.conf`,
        `echo 'Defaults env_keep += "${names.join(' ')}"' >/etc/sudoers.d/evil`,
        `printf '${environment.join('\\n')}' >/etc/environment`,
        'sshd -t && systemctl restart ssh',
      ].join('\n'),
    )
    const proof = `perl -e 'print 1' 2>&1; sh -c 'printf "2 "' 2>&1; env | sed 's/=.*//' | sort | tr '\\n' ' '`
    const wanted =
      /^12 (HOME |LC_ALL |LOGNAME |OLDPWD |PATH |PWD |SHELL |SSH_CONNECTION |USER |_ |http_proxy )+$/
    try {
      const who = [
        { user: 'root' },
        { user: 'free' },
        { user: 'asks', sudoPassword: new Secret(sudoPassword) },
      ]
      for (const other of who) {
        const connection = await login(there.target(other.user, other))
        expect(await say(connection, proof), other.user).toMatch(wanted)
        expect(await say(connection, 'echo "$http_proxy"')).toBe('http://proxy.internal:3128\n')
        const stream = await connection.openStream(proof)
        stream.stdin.end()
        expect(Buffer.concat(await stream.stdout.toArray()).toString(), other.user).toMatch(wanted)
      }
      // OpenSSH's own session has them, and so has what sudo starts there.
      const { host } = there
      const args = [
        '-F',
        'none',
        '-i',
        host.keyFile,
        '-p',
        String(host.port),
        '-o',
        `UserKnownHostsFile=${host.knownHostsFile}`,
      ]
      const raw = spawnSync('ssh', [...args, `free@${host.address}`, "sudo -n perl -e 'print 1'"])
      expect(raw.stderr.toString()).toContain('evil')
    } finally {
      await say(
        admin,
        'rm -f /etc/ssh/sshd_config.d/evil.conf /etc/sudoers.d/evil; : >/etc/environment; systemctl restart ssh',
      )
    }
  })

  it('keeps the sudo password out of every process’s arguments and environment', async () => {
    const connection = await login(there.target('asks', { sudoPassword: new Secret(sudoPassword) }))
    const seen = await say(
      connection,
      "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' ' '",
    )
    expect(seen).not.toContain(sudoPassword)
  })
})

describe('a session', () => {
  it('runs scripts of any bytes, and survives a syntax error and a deadline', async () => {
    const connection = await login(on.target('root'))
    expect((await connection.run("printf '\\000\\377\\n\\n'")).stdout).toEqual(Buffer.from([0, 255, 10, 10]))
    expect((await connection.run('fi')).exitCode).toBe(2)
    const late = connection.run("trap '' TERM; sleep 4321 & sleep 4321", { deadline: 0.5 })
    await expect(late).rejects.toMatchObject({
      code: 'deadline',
      hint: expect.stringContaining('were killed'),
    })
    expect(await say(connection, 'pgrep -x -f "sleep 4321" || echo none')).toBe('none\n')
  })

  it('kills at a deadline through sudo too', async () => {
    const connection = await login(on.target('free'))
    await expect(connection.run('sleep 4322', { deadline: 0.5 })).rejects.toMatchObject({
      hint: expect.stringContaining('were killed'),
    })
    expect(await say(connection, 'pgrep -x -f "sleep 4322" || echo none')).toBe('none\n')
  })

  it('streams beside the session, as root', async () => {
    const connection = await login(on.target('free'))
    const stream = await connection.openStream('id -u; wc -c')
    stream.stdin.end(Buffer.alloc(3_000_000, 'x'))
    const chunks: Buffer[] = []
    for await (const chunk of stream.stdout) chunks.push(chunk as Buffer)
    expect(Buffer.concat(chunks).toString()).toBe('0\n3000000\n')
    expect((await stream.done).exitCode).toBe(0)
  })

  it('says so where sshd opens no second session, and the one there is holds something', async () => {
    const connection = await login(on.target('single'))
    await connection.run('true', { keep: true })
    await expect(connection.openStream('true')).rejects.toMatchObject({ code: 'no-channel' })
    expect(await say(connection, 'echo on')).toBe('on\n')
  })

  itInFull('bounds an output of 100 MB', async () => {
    const connection = await login(on.target('root'))
    await expect(connection.run('yes | head -c 100000000')).rejects.toMatchObject({ code: 'output-too-long' })
    expect(await say(connection, 'echo on')).toBe('on\n')
  })

  it('costs one wait a script, and eight for the login and two scripts', async () => {
    const wire = await wireTo(on.host.port)
    const connection = await login(through(wire))
    await connection.run('true')
    await connection.run('true')
    expect(wire.waits()).toBeLessThanOrEqual(8)
    const before = wire.waits()
    await connection.run('true')
    expect(wire.waits() - before).toBe(1)
    expect(connection.trips).toBe(3)
  })
})

describe('a broken way', () => {
  it('settles what is under way when the connection is reset, and what comes later', async () => {
    const wire = await wireTo(on.host.port)
    const connection = await login(through(wire))
    await connection.run('true')
    const first = connection.run('sleep 30')
    const second = connection.run('true')
    const stream = await connection.openStream('cat')
    setTimeout(wire.reset, 200)
    for (const call of [first, second, stream.done])
      await expect(call).rejects.toMatchObject({ code: 'connection-lost', exitCode: 4 })
    await expect(connection.run('true')).rejects.toMatchObject({ code: 'connection-lost' })
    await expect(connection.openStream('true')).rejects.toMatchObject({ code: 'connection-lost' })
  })

  it('notices a host that has gone silent', async () => {
    const wire = await wireTo(on.host.port)
    const connection = await login(through(wire, 'root', { keepalive: 0.3 }))
    await connection.run('true')
    const call = connection.run('sleep 30')
    wire.freeze()
    await expect(call).rejects.toMatchObject({
      code: 'connection-lost',
      message: 'wire12: connection lost: the host stopped answering',
    })
  })

  it('takes a slow line for no silent host while bytes are under way', async () => {
    const wire = await wireTo(on.host.port, { rate: 300_000 })
    const connection = await login(through(wire, 'root', { keepalive: 0.4 }))
    const stream = await connection.openStream('wc -c')
    stream.stdin.end(Buffer.alloc(1_000_000))
    expect(await text(stream.stdout)).toBe('1000000\n')
    expect((await stream.done).exitCode).toBe(0)
  })

  it('does not call a script done when its shell is killed', async () => {
    const connection = await login(on.target('root'))
    await connection.run('true')
    await expect(connection.run('kill -9 $$', { keep: true })).rejects.toMatchObject({ code: 'shell-ended' })
  })

  it('tries again when sshd drops it before a word', async () => {
    const wire = await wireTo(on.host.port, { drop: 2 })
    expect(await say(await login(through(wire)), 'echo on')).toBe('on\n')
    expect(wire.accepted()).toBe(3)
  })

  it('gives up when sshd drops it three times', async () => {
    const wire = await wireTo(on.host.port, { drop: 9 })
    await expect(login(through(wire))).rejects.toMatchObject({ code: 'dropped', exitCode: 4 })
    expect(wire.accepted()).toBe(3)
  })
})

describe('the key of a host', () => {
  const at = (port = on.host.port) => `[127.0.0.1]:${port}`
  const otherKey = () => {
    const file = join(on.directory, `other-${Math.random()}`)
    execFileSync('ssh-keygen', ['-qt', 'ed25519', '-N', '', '-f', file])
    return readFileSync(`${file}.pub`, 'utf8').split(' ').slice(0, 2).join(' ')
  }
  const hashed = (file: string) => {
    execFileSync('ssh-keygen', ['-qH', '-f', file], { stdio: 'ignore' })
    return file
  }
  let admin: Connection
  beforeAll(async () => {
    admin = await connectSsh(on.target('root'))
  })
  afterAll(() => admin.close())
  // sshd names whom a login is for once one is asked of it, and not before.
  const named = async (user: string) =>
    Number(await say(admin, `journalctl --sync; journalctl -q -u ssh | grep -c 'user ${user}' || :`))
  const known = (knownHostsFile: string, other = {}) => on.target('root', { knownHostsFile, ...other })

  it.each<[string, () => SshTarget]>([
    ['in clear', () => known(on.knownHosts(`${at()} ${on.hostKey}`))],
    ['hashed', () => known(hashed(on.knownHosts(`${at()} ${on.hostKey}`)))],
    ['by a pattern', () => known(on.knownHosts(`[127.0.0.*]:* ${on.hostKey}`))],
    [
      'among other keys of the host',
      () => known(on.knownHosts(`${at()} ${otherKey()}`, `${at()} ${on.hostKey}`)),
    ],
    ['without its port', () => known(on.knownHosts(`127.0.0.1 ${on.hostKey}`))],
    ['under an alias', () => known(on.knownHosts(`alias ${on.hostKey}`), { hostKeyAlias: 'alias' })],
  ])('is found %s', async (_how, target) => {
    expect(await say(await login(target()), 'echo on')).toBe('on\n')
  })

  it.each<[string, string, () => SshTarget]>([
    ['unknown', 'host-key-unknown', () => known(on.knownHosts())],
    ['unknown, as there is no file', 'host-key-unknown', () => known(join(on.directory, 'none'))],
    [
      'excluded by a pattern',
      'host-key-unknown',
      () => known(on.knownHosts(`*,!127.0.0.1,!${at()} ${on.hostKey}`)),
    ],
    ['another than the known one', 'host-key-changed', () => known(on.knownHosts(`${at()} ${otherKey()}`))],
    [
      'another than the hashed one',
      'host-key-changed',
      () => known(hashed(on.knownHosts(`${at()} ${otherKey()}`))),
    ],
    [
      'revoked',
      'host-key-revoked',
      () => known(on.knownHosts(`${at()} ${on.hostKey}`, `@revoked * ${on.hostKey}`)),
    ],
    [
      'signed by an authority',
      'host-key-unknown',
      () => known(on.knownHosts(`@cert-authority * ${otherKey()}`)),
    ],
  ])('that is %s is refused, before we authenticate', async (_what, code, target) => {
    const refused = login({ ...target(), user: 'stranger' })
    await expect(refused).rejects.toMatchObject({ code, exitCode: 4, hint: expect.any(String) })
  })

  describe('in the file of RevokedHostKeys', () => {
    const configured = (revoked: string) => {
      const configFile = join(on.directory, `revoked-${Math.random()}`)
      writeFileSync(configFile, `RevokedHostKeys ${revoked}\n`)
      return login(on.target('root', { configFile }))
    }
    const list = (...keys: readonly string[]) => {
      const [file, lines] = [join(on.directory, `krl-${Math.random()}`), on.knownHosts(...keys)]
      execFileSync('ssh-keygen', ['-qkf', file, lines])
      return file
    }
    it.each<[string, () => string]>([
      ['lines of keys', () => on.knownHosts('# given up', otherKey(), `${on.hostKey} old`)],
      ['a key revocation list', () => list(otherKey(), on.hostKey)],
    ])('is refused, by %s', async (_how, revoked) => {
      const file = revoked()
      await expect(configured(file)).rejects.toMatchObject({
        ...{ code: 'host-key-revoked', exitCode: 4 },
        lines: [`RevokedHostKeys: ${file}`],
      })
    })
    it.each<[string, () => string]>([
      ['lines of keys', () => on.knownHosts(otherKey(), `# ${on.hostKey}`)],
      ['a key revocation list', () => list(otherKey())],
    ])('is let in where it is not among them, by %s', async (_how, revoked) => {
      expect(await say(await configured(revoked()), 'echo on')).toBe('on\n')
    })
    it.each<[string, () => string]>([
      ['is missing', () => join(on.directory, 'none')],
      [
        'is a broken list',
        () => {
          const file = list(otherKey())
          writeFileSync(file, readFileSync(file).subarray(0, 20))
          return file
        },
      ],
    ])('is not trusted where that file %s', async (_how, revoked) => {
      await expect(configured(revoked())).rejects.toMatchObject({ code: 'known-hosts', exitCode: 4 })
    })
  })

  it('that is good has us ask for a login, which sshd tells, and not of those that were refused', async () => {
    const asked = login(known(on.knownHosts(`${at()} ${on.hostKey}`), { user: 'visitor' }))
    await expect(asked).rejects.toMatchObject({ code: 'auth-failed' })
    expect(await named('visitor')).toBeGreaterThan(0)
    expect(await named('stranger')).toBe(0)
  })

  it('that is unknown comes with its fingerprint and the command that adds it, which then works', async () => {
    const file = on.knownHosts()
    const error = await login(known(file)).catch(refused => refused)
    const shown = execFileSync('ssh-keygen', ['-lf', '-'], { input: on.hostKey }).toString().split(' ')[1]
    expect(error.message).toContain(shown)
    execFileSync('/bin/sh', ['-c', error.hint.split('\n').at(-1)])
    expect(await say(await login(known(file)), 'echo on')).toBe('on\n')
  })

  it('that changed comes with both fingerprints and the command that forgets the old one', async () => {
    const file = on.knownHosts(`${at()} ${otherKey()}`)
    const error = await login(known(file)).catch(refused => refused)
    expect(error.lines).toEqual([
      expect.stringMatching(`^known: .*SHA256:.*${file}:1`),
      expect.stringContaining('shown: '),
    ])
    execFileSync('/bin/sh', ['-c', error.hint.split('\n').at(-1)], { stdio: 'ignore' })
    await expect(login(known(file))).rejects.toMatchObject({ code: 'host-key-unknown' })
  })

  it('is learnt where ssh_config says accept-new, and never when it changed', async () => {
    const configFile = join(on.directory, 'accept-new')
    writeFileSync(configFile, 'StrictHostKeyChecking accept-new\n')
    const file = on.knownHosts()
    await login(known(file, { configFile }))
    expect(readFileSync(file, 'utf8')).toBe(`${at()} ${on.hostKey}\n`)
    const changed = known(on.knownHosts(`${at()} ${otherKey()}`), { configFile })
    await expect(login(changed)).rejects.toMatchObject({ code: 'host-key-changed' })
  })
})

describe('the keys of a login', () => {
  it('are refused with what was tried', async () => {
    const keyFile = join(on.directory, 'stranger')
    execFileSync('ssh-keygen', ['-qt', 'ed25519', '-N', '', '-f', keyFile])
    await expect(login(on.target('root', { keyFile }))).rejects.toMatchObject({
      code: 'auth-failed',
      lines: [`tried: ${keyFile}`],
    })
  })

  it('are not used when others can read them', async () => {
    const keyFile = join(on.directory, 'open')
    copyFileSync(on.host.keyFile, keyFile)
    chmodSync(keyFile, 0o644)
    await expect(login(on.target('root', { keyFile }))).rejects.toMatchObject({
      code: 'auth-failed',
      lines: [expect.stringContaining('mode 0644')],
    })
  })

  it('are not used when they are encrypted and no agent has them', async () => {
    const keyFile = join(on.directory, 'encrypted')
    execFileSync('ssh-keygen', ['-qt', 'ed25519', '-N', 'secret', '-f', keyFile])
    await expect(login(on.target('root', { keyFile }))).rejects.toMatchObject({
      code: 'auth-failed',
      lines: [expect.stringContaining('encrypted')],
    })
  })

  it('come from the agent that ssh_config names', async () => {
    const socket = join(on.directory, 'agent')
    const pid = execFileSync('ssh-agent', ['-a', socket, '-s'])
      .toString()
      .match(/AGENT_PID=(\d+)/)?.[1]
    try {
      const env = { ...process.env, SSH_AUTH_SOCK: socket }
      execFileSync('ssh-add', ['-q', on.host.keyFile], { env, stdio: 'ignore' })
      const configFile = join(on.directory, 'with-agent')
      writeFileSync(configFile, `IdentityAgent ${socket}\nIdentityFile none\n`)
      const target = on.target('free', { configFile, keyFile: undefined })
      expect(await say(await login(target), 'echo on')).toBe('on\n')
    } finally {
      process.kill(Number(pid))
    }
  })
})

describe('the way that ssh_config tells', () => {
  const config = (text: string) => {
    const file = join(on.directory, `config-${Math.random()}`)
    writeFileSync(file, text)
    return file
  }
  const bare = (configFile: string, address: string): SshTarget => ({
    host: 'wire12',
    address,
    configFile,
    sudo: 'auto',
  })
  const here = () =>
    `HostName 127.0.0.1\nPort ${on.host.port}\nUser free\nIdentityFile ${on.host.keyFile}\nUserKnownHostsFile ${on.host.knownHostsFile}\n`

  it('is taken for an alias: name, port, user, key and known_hosts', async () => {
    const target = bare(config(`Host shop\n${here()}`), 'shop')
    expect(await say(await login(target), 'echo on')).toBe('on\n')
  })

  it('is not that to a sandbox host: ssh is not asked', async () => {
    const stub = mkdtempSync(join(on.directory, 'bin'))
    writeFileSync(join(stub, 'ssh'), '#!/bin/sh\nexit 9\n', { mode: 0o755 })
    vi.stubEnv('PATH', `${stub}:${process.env['PATH']}`)
    const host = { name: 'wire12', connection: { kind: 'sandbox', debian: 12 } }
    const target = sshTarget(host as Parameters<typeof sshTarget>[0], on.host, undefined, undefined)
    expect(await say(await login(target), 'echo on')).toBe('on\n')
    const other = { ...target, configFile: undefined }
    await expect(login(other)).rejects.toMatchObject({ code: 'ssh-config' })
    vi.unstubAllEnvs()
  })

  it('goes by ProxyCommand, with its tokens', async () => {
    const command = `ProxyCommand bash --norc -c 'exec 3<>/dev/tcp/%h/%p; cat <&3 & exec cat >&3'\n`
    const target = bare(config(`Host shop\n${here()}${command}`), 'shop')
    expect(await say(await login(target), 'echo on')).toBe('on\n')
  })

  it('goes by ProxyJump, with ssh itself as the jump', async () => {
    const inner = `HostName 127.0.0.1\nPort 22\nHostKeyAlias inner\nUser root\nIdentityFile ${on.host.keyFile}\n`
    const file = on.knownHosts(`inner ${on.hostKey}`, `[127.0.0.1]:${on.host.port} ${on.hostKey}`)
    const text = `Host inner\n${inner}ProxyJump jump\nHost jump\n${here()}Host *\nUserKnownHostsFile ${file}\n`
    expect(await say(await login(bare(config(text), 'inner')), 'echo on')).toBe('on\n')
  })

  it('is told with the words of a proxy that gives up', async () => {
    const target = bare(config(`Host shop\n${here()}ProxyCommand sh -c 'echo no way >&2; exit 1'\n`), 'shop')
    await expect(login(target)).rejects.toMatchObject({ code: 'proxy', lines: ['no way'] })
  })

  it('is refused with ssh’s own words when the file is wrong', async () => {
    await expect(login(bare(config('Nonsense yes\n'), 'shop'))).rejects.toMatchObject({
      code: 'ssh-config',
      lines: [expect.stringMatching(/bad configuration option.*nonsense/i), expect.any(String)],
    })
  })
})

describe('a host that is not reached', () => {
  it('says so of a closed port', async () => {
    await expect(login(on.target('root', { port: 1 }))).rejects.toMatchObject({
      code: 'unreachable-econnrefused',
      exitCode: 4,
    })
  })

  it('says so of a name that does not resolve', async () => {
    await expect(login(on.target('root', { address: 'no-such-host.invalid' }))).rejects.toMatchObject({
      code: expect.stringMatching(/^unreachable-(enotfound|eai_again)$/),
    })
  })

  it('says so of a port that is no sshd', async () => {
    const server = createServer(socket => socket.on('error', () => {}))
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    await expect(login(on.target('root', { port, connectTimeout: 0.5 }))).rejects.toMatchObject({
      code: 'handshake-timeout',
    })
    server.close()
  })
})

describeInFull('another sshd of a host', () => {
  let admin: Connection
  beforeAll(async () => {
    admin = await connectSsh(on.target('root'))
  })
  afterAll(() => admin.close())

  /** Starts an sshd beside the host's own, and gives the way to it: a jump through the first. */
  async function another(port: number, options: string, other: Partial<SshTarget> = {}): Promise<SshTarget> {
    const started = await admin.run(`/usr/sbin/sshd -p ${port} -o PidFile=/run/wire-${port}.pid ${options}`)
    expect(started.stderr.toString()).toBe('')
    const { keyFile, knownHostsFile } = on.host
    const known = `-i ${keyFile} -o UserKnownHostsFile=${knownHostsFile}`
    const configFile = join(on.directory, `by-${port}`)
    const jump = `ssh -F none ${known} -p ${on.host.port} -W 127.0.0.1:${port} root@127.0.0.1`
    writeFileSync(configFile, `ProxyCommand ${jump}\n`)
    return on.target('root', { configFile, port, ...other })
  }
  afterEach(() => admin.run('for f in /run/wire-*.pid; do kill "$(cat "$f")"; rm -f "$f"; done'))

  it('is refused when it has outdated cryptography alone', async () => {
    const target = await another(2297, '-o KexAlgorithms=diffie-hellman-group14-sha1')
    await expect(login(target)).rejects.toMatchObject({ code: 'ssh-algorithms', exitCode: 4 })
  })

  it('is asked for the type of key that is known, whatever else it has', async () => {
    const rsa = await say(
      admin,
      'rm -f /run/wire-rsa; ssh-keygen -qt rsa -N "" -f /run/wire-rsa </dev/null; cut -d" " -f1,2 /run/wire-rsa.pub',
    )
    const knownHostsFile = on.knownHosts(`[127.0.0.1]:2298 ${rsa.trim()}`)
    const keys = '-h /etc/ssh/ssh_host_ed25519_key -h /run/wire-rsa'
    expect(await say(await login(await another(2298, keys, { knownHostsFile })), 'echo on')).toBe('on\n')
    const without = await another(2299, '-h /etc/ssh/ssh_host_ed25519_key', {
      knownHostsFile: on.knownHosts(`[127.0.0.1]:2299 ${rsa.trim()}`),
    })
    await expect(login(without)).rejects.toMatchObject({
      code: 'host-key-unknown',
      lines: [expect.stringContaining('another type')],
    })
  })
})
