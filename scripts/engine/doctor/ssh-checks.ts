import { lookup } from 'node:dns/promises'
import { connect } from 'node:net'
import type { Connection } from '#engine/connection/connection.ts'
import { fingerprint, knownKeys } from '#engine/connection/known-hosts.ts'
import { connectSsh } from '#engine/connection/ssh.ts'
import { readSshConfig, type SshConfig } from '#engine/connection/ssh-config.ts'
import type { SshTarget } from '#engine/connection/target.ts'
import { explainNetwork } from '#engine/connection/transport.ts'
import { CapstanError } from '#engine/errors.ts'
import { type Check, order, type What } from './check.ts'
import { healthScript, judge } from './health.ts'

/** Looks at the way from this machine to a host, step by step; what fails ends it. Never throws for the host. */
export async function checkSsh(target: SshTarget): Promise<readonly Check[]> {
  const checks: Check[] = []
  const add = (...more: readonly Check[]) =>
    checks.push(...more.map(check => ({ ...check, host: target.host })))
  try {
    const config = await readSshConfig(target)
    const proxied = config.proxyJump !== undefined || config.proxyCommand !== undefined
    if (proxied) {
      const found = `by way of ${config.proxyJump ?? config.proxyCommand}`
      add({ what: 'name', state: 'skipped', found }, { what: 'port', state: 'skipped', found })
    } else {
      add(await nameOf(config))
      if (failed(checks)) return rest(target.host, checks)
      add(await portOf(config))
      if (failed(checks)) return rest(target.host, checks)
    }
    add(...(await logIn(target, config)))
  } catch (error) {
    if (!(error instanceof CapstanError)) throw error
    add(told(target.host, checks, error))
  }
  return rest(target.host, checks)
}

/** The same for this machine itself: only what is on it. */
export async function checkLocal(host: string, open: () => Promise<Connection>): Promise<readonly Check[]> {
  const checks: readonly Check[] = (['name', 'port', 'host key', 'login'] as const).map(what => ({
    what,
    state: 'skipped',
    found: 'it is this machine',
  }))
  try {
    return [...checks, ...(await look(await open()))].map(check => ({ ...check, host }))
  } catch (error) {
    if (!(error instanceof CapstanError)) throw error
    return rest(
      host,
      [...checks, told(host, checks, error)].map(check => ({ ...check, host })),
    )
  }
}

async function nameOf({ hostname }: SshConfig): Promise<Check> {
  try {
    const found = await lookup(hostname, { all: true })
    return {
      what: 'name',
      state: 'ok',
      found: `${hostname === found[0]?.address ? '' : `${hostname}: `}${found.map(({ address }) => address).join(', ')}`,
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const cure = 'Check the name, or give the host an address in the inventory.'
    return { what: 'name', state: 'failed', found: `${hostname} does not resolve (${code})`, cure }
  }
}

function portOf({ hostname, port, addressFamily }: SshConfig): Promise<Check> {
  return new Promise(resolve => {
    const began = performance.now()
    const socket = connect({ host: hostname, port, family: addressFamily, timeout: 10_000 })
    const end = (check: Check) => {
      socket.destroy()
      resolve(check)
    }
    socket.on('connect', () =>
      end({
        what: 'port',
        state: 'ok',
        found: `${port} answers in ${Math.round(performance.now() - began)} ms`,
      }),
    )
    socket.on('timeout', () =>
      end({
        what: 'port',
        state: 'failed',
        found: `${hostname} port ${port}: no answer within 10 s`,
        cure: 'Is the host up, and does a firewall drop the port?',
      }),
    )
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const code = error.code ?? error.message
      const [found, cure] = explainNetwork(code)
      end({ what: 'port', state: 'failed', found: `${hostname} port ${port}: ${found} (${code})`, cure })
    })
  })
}

async function logIn(target: SshTarget, config: SshConfig): Promise<readonly Check[]> {
  const connection = await connectSsh(target)
  try {
    const known = (await knownKeys(config)).filter(({ marker }) => marker === undefined)
    const keys = known.map(({ type, key }) => `${type} ${fingerprint(key)}`).join(', ')
    return [
      { what: 'host key', state: 'ok', found: keys || 'known' },
      { what: 'login', state: 'ok', found: config.user },
      ...(await look(connection)),
    ]
  } finally {
    await connection.close()
  }
}

async function look(connection: Connection): Promise<readonly Check[]> {
  try {
    const began = Date.now() / 1000
    const { stdout } = await connection.run(healthScript, { deadline: 60 })
    const judged = judge(stdout, began, Date.now() / 1000)
    const user = /(?:^|\0)\s*user\0([^\0]*)/.exec(stdout.toString())?.[1] ?? ''
    return [sudo(user), ...judged]
  } catch (error) {
    if (!(error instanceof CapstanError)) throw error
    return [{ what: 'sudo', state: 'failed', ...text(connection.host, error) }]
  } finally {
    await connection.close()
  }
}

function sudo(user: string): Check {
  if (user === 'root') return { what: 'sudo', state: 'ok', found: 'root' }
  const cure = 'Roles need root: take `sudo: false` out of the inventory, or log in as root.'
  return { what: 'sudo', state: 'warning', found: `stays ${user}`, cure }
}

// Which step of the way an error is about, by the codes of the connection.
const steps: readonly (readonly [codes: RegExp, what: What])[] = [
  [/^(host-key|known-hosts|ssh-algorithms|handshake|dropped)/, 'host key'],
  [/^auth-failed/, 'login'],
  [/^(sudo|no-shell)/, 'sudo'],
  [/^unreachable-e(notfound|ai_again)/, 'name'],
  [/^(unreachable|proxy)/, 'port'],
]

function told(host: string, checks: readonly Check[], error: CapstanError): Check {
  const what = steps.find(([codes]) => codes.test(error.code))?.[1] ?? order[checks.length] ?? 'login'
  return { what, state: 'failed', ...text(host, error) }
}

function text(host: string, { message, lines, hint }: CapstanError): { found: string; cure: string } {
  // The line has the host's name already.
  const first = message.startsWith(`${host}: `) ? message.slice(host.length + 2) : message
  return { found: [first, ...lines.slice(0, 4)].join('\n'), cure: hint ?? 'See `ssh -v` from here.' }
}

function failed(checks: readonly Check[]): boolean {
  return checks.some(({ state }) => state === 'failed')
}

/** All that was not looked at, as skipped, in order; what comes before a failure was well if it came that far. */
function rest(host: string, checks: readonly Check[]): readonly Check[] {
  const at = order.findIndex(what => checks.some(check => check.what === what && check.state === 'failed'))
  return order.map((what, index): Check => {
    const own = checks.find(check => check.what === what)
    if (own) return own
    if (at >= 0 && index < at) return { host, what, state: 'ok', found: 'passed' }
    return { host, what, state: 'skipped', found: at >= 0 ? `not looked at, because of ${order[at]}` : '' }
  })
}
