import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { type SandboxHost, sandboxStatus, sandboxUp } from '#engine/sandbox/sandbox.ts'
import { sshArguments } from '#engine/sandbox/ssh-arguments.ts'
import { type Said, Shells } from './shells.ts'

/** A sandbox host as a test sees it: through OpenSSH, so that nothing here rests on what is tested. */
export interface Machine {
  readonly name: string
  readonly host: SandboxHost
  /** Runs a POSIX sh script as root; killed after `seconds` (60 unless told), exit code null then. */
  run(script: string, seconds?: number): Promise<Said>
  /** The script's stdout; throws with its stderr where it doesn't exit with 0. */
  say(script: string, seconds?: number): Promise<string>
  /** Resolves once the shell condition holds on the host; throws after `seconds` (60 by default). */
  until(condition: string, seconds?: number): Promise<void>
  /** A line for each file of the host's disk: path, type, mode, owner, size, mtime, ctime, and a hash below /etc, /srv, /usr/local. */
  listing(): Promise<string>
  /** `connection: ssh` settings that reach it through a port of this machine (a wire's). */
  through(port: number): Readonly<Record<string, unknown>>
  close(): void
}

export const root = dirname(dirname(import.meta.dirname))

/** Brings the host up where it is down: 3 s, or a few milliseconds; it is bare, or as `image` was (kept.ts). */
export async function machine(name: string, debian: SandboxHost['debian'], image?: string): Promise<Machine> {
  const [host] = await sandboxUp([{ name, debian, ...(image && { image }) }], { root, say: () => {} })
  if (host === undefined) throw new Error(`no sandbox host ${name}`)
  const directory = mkdtempSync(join(tmpdir(), 'capstan-machine-'))
  const control = ['-o', `ControlPath=${directory}/control`]
  const args = [...control, ...sshArguments(host)]
  // One login for all commands of a test; it is told to end by close, and ends by itself when forgotten.
  execFileSync('ssh', ['-o', 'ControlMaster=yes', '-o', 'ControlPersist=300', '-fN', ...args], {
    stdio: 'ignore',
    timeout: 20_000,
  })
  const shells = new Shells('ssh', [...args, 'exec sh'])
  const run = (script: string, seconds = 60) => shells.run(script, seconds)
  const say = async (script: string, seconds?: number) => {
    const { exitCode, stdout, stderr } = await run(script, seconds)
    if (exitCode === 0) return stdout
    throw new Error(`${name}: a test's script exited with ${exitCode}: ${stderr}\n${script}`)
  }
  return {
    name,
    host,
    run,
    say,
    until: async (condition, seconds = 60) => {
      const turns = Math.ceil(seconds / 0.1)
      await say(
        `i=0; until ${condition}; do i=$((i + 1)); [ $i -lt ${turns} ] || exit 1; sleep 0.1; done`,
        seconds * 2,
      )
    },
    listing: () => say(lister),
    through: port => throughPort(host, directory, port),
    close: () => {
      shells.close()
      // It is gone already where the host went down.
      spawnSync('ssh', ['-O', 'exit', ...args], { stdio: 'ignore', timeout: 20_000 })
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** Shuts the host down and boots it, by its own systemd both; the machine after it, whose units have all been started. */
export async function rebooted({ name, host, say, close }: Machine): Promise<Machine> {
  const booted = 'cut -d" " -f22 /proc/1/stat'
  const before = await say(booted)
  // In a second, when nothing of ours is logged in any more. By default, a timer may be a minute late.
  await say('systemd-run -q --on-active=1 --timer-property=AccuracySec=10ms systemctl poweroff')
  close()
  const isUp = async () =>
    (await sandboxStatus({ root, say: () => {} })).some(one => one.name === name && one.state === 'running')
  for (let turn = 0; await isUp(); turn++) {
    if (turn > 300) throw new Error(`${name} does not go down`)
    await wait(200)
  }
  const next = await machine(name, host.debian)
  if ((await next.say(booted)) === before) throw new Error(`${name} was not shut down`)
  await next.run('systemctl is-system-running --wait', 120)
  return next
}

/** The sockets that listen on the host, a line each: `tcp 127.0.0.1:3306`. */
export function sockets(host: Machine): Promise<string> {
  // Docker's own name server is in each of its containers, on 127.0.0.11.
  return host.say("ss -Hltnu | awk '{ print $1, $5 }' | grep -v ' 127.0.0.11:' | sort")
}

// What logins and the clock move on their own is left out; all else of the disk is in.
const lister = `cd / && {
  find / -xdev \\( -path /var/log -o -path /var/lib/systemd -o -path /var/cache/apt/archives -o -path /tmp \\
    -o -path /var/tmp -o -path /root/.cache -o -path /run \\) -prune -o -printf '%p %y %m %U:%G %s %T@ %C@ %l\\n'
  find /etc /srv /usr/local -xdev -type f -exec sha256sum -- {} +
  find /run/capstan /tmp -mindepth 1 ! -path '/tmp/systemd-private-*' 2>/dev/null || :
} | sort`

function throughPort(host: SandboxHost, directory: string, port: number) {
  const file = join(directory, `known-${port}`)
  const known = execFileSync('ssh-keygen', ['-F', `[127.0.0.1]:${host.port}`, '-f', host.knownHostsFile])
  const key = /ssh-ed25519 \S+/.exec(known.toString())?.[0] ?? ''
  writeFileSync(file, `${host.name} ${key}\n`)
  return {
    ...{ connection: 'ssh', address: '127.0.0.1', port, user: 'root' },
    ...{ key: host.keyFile, known_hosts: file, host_key_alias: host.name },
  }
}
