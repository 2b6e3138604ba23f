import { readFile, stat } from 'node:fs/promises'
import type {
  BaseAgent as Agent,
  IdentityCallback,
  ParsedKey,
  SignCallback,
  SigningRequestOptions,
} from 'ssh2'
import ssh2 from 'ssh2'
import type { Secret } from '../secret.ts'
import type { SshConfig } from './ssh-config.ts'

/** A key that a login can be tried with. */
interface Identity {
  /** For messages: the path of its file, or the agent's comment. */
  readonly label: string
  /** `ssh-ed25519` */
  readonly type: string
  readonly method: { readonly key: ParsedKey } | { readonly agent: Agent }
}

export interface Identities {
  readonly usable: readonly Identity[]
  /** Keys that exist and cannot be used, each with the reason. */
  readonly unusable: readonly string[]
}

/**
 * The keys of a login in OpenSSH's order, each once: the agent's that are configured, the agent's others, then
 * files that the agent does not hold; a key that is `given` before all. Files that do not exist are passed over.
 */
export async function loadIdentities(config: SshConfig, given?: Secret): Promise<Identities> {
  const first = given === undefined ? [] : [readGiven(given)]
  const [held, files] = await Promise.all([
    agentKeys(config.agentSocket),
    Promise.all(config.identityFiles.map(readIdentity)),
  ])
  const found = files.filter(file => file !== undefined)
  const named = (key: AgentKey) => found.some(file => file.publicKey?.equals(key.publicKey))
  const fromAgent = [...held.filter(named), ...(config.identitiesOnly ? [] : held.filter(key => !named(key)))]
  const fromFiles = found.filter(file => !held.some(key => file.publicKey?.equals(key.publicKey)))
  return {
    usable: [
      ...first.flatMap(({ path, key }) =>
        key === undefined ? [] : [{ label: path, type: key.type, method: { key } }],
      ),
      ...fromAgent.map(({ comment, type, agent }) => ({
        label: `${comment} (agent)`,
        type,
        method: { agent },
      })),
      ...fromFiles.flatMap(({ path, key }) =>
        key === undefined ? [] : [{ label: path, type: key.type, method: { key } }],
      ),
    ],
    unusable: [...first, ...fromFiles].flatMap(({ path, problem }) =>
      problem === undefined ? [] : [`${path}: ${problem}`],
    ),
  }
}

interface FileKey {
  readonly path: string
  readonly key?: ParsedKey
  readonly publicKey?: Buffer | undefined
  readonly problem?: string
}

async function readIdentity(path: string): Promise<FileKey | undefined> {
  const publicKey = await publicPart(path)
  try {
    const { mode, uid } = await stat(path)
    if (uid === process.getuid?.() && (mode & 0o077) !== 0)
      return { path, problem: `mode ${octal(mode)}: others may read it, so it is not used; chmod 600 it` }
    const parsed = ssh2.utils.parseKey(await readFile(path))
    if (parsed instanceof Error) return { path, publicKey, problem: problemOf(parsed) }
    const key = Array.isArray(parsed) ? parsed[0] : parsed
    if (key === undefined || !key.isPrivateKey()) return { path, publicKey: key?.getPublicSSH() }
    return { path, key, publicKey: key.getPublicSSH() }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code !== 'ENOENT') return { path, publicKey, problem: `not readable (${code})` }
    return publicKey === undefined ? undefined : { path, publicKey }
  }
}

function readGiven(given: Secret): FileKey {
  const path = 'CAPSTAN_SSH_KEY'
  const parsed = ssh2.utils.parseKey(given.reveal())
  if (parsed instanceof Error) return { path, problem: problemOf(parsed) }
  const key = Array.isArray(parsed) ? parsed[0] : parsed
  return key?.isPrivateKey() ? { path, key } : { path, problem: 'a public key; the private one is wanted' }
}

async function publicPart(path: string): Promise<Buffer | undefined> {
  const text = await readFile(`${path}.pub`, 'utf8').catch(() => '')
  const blob = text.split(/\s+/)[1]
  return blob === undefined || blob === '' ? undefined : Buffer.from(blob, 'base64')
}

function problemOf(error: Error): string {
  return /encrypted|passphrase/i.test(error.message)
    ? 'encrypted with a passphrase; add it to an agent with ssh-add'
    : `not a readable private key (${error.message})`
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, '0')
}

interface AgentKey {
  readonly agent: Agent
  readonly publicKey: Buffer
  readonly comment: string
  readonly type: string
}

const agentDeadline = 5000

/** What the agent holds; nothing when it does not answer, as OpenSSH has it. */
async function agentKeys(socket: string | undefined): Promise<readonly AgentKey[]> {
  if (socket === undefined) return []
  const agent = ssh2.createAgent(socket)
  const keys = await new Promise<readonly ParsedKey[]>(resolve => {
    setTimeout(resolve, agentDeadline, []).unref()
    agent.getIdentities((error, found) => resolve(error ? [] : (found as ParsedKey[])))
  })
  return keys.map(key => ({
    agent: new OneKey(agent, key),
    publicKey: key.getPublicSSH(),
    comment: key.comment || key.type,
    type: key.type,
  }))
}

type PublicKey = string | Buffer | ParsedKey

/** An agent that offers one key of another agent, so that each key is tried once and in our order. */
class OneKey extends ssh2.BaseAgent {
  readonly #agent: Agent
  readonly #key: ParsedKey

  constructor(agent: Agent, key: ParsedKey) {
    super()
    this.#agent = agent
    this.#key = key
  }

  override getIdentities(done: IdentityCallback<PublicKey>): void {
    done(undefined, [this.#key])
  }

  override sign(
    key: PublicKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    done?: SignCallback,
  ): void {
    if (typeof options === 'function') this.#agent.sign(key, data, options)
    else this.#agent.sign(key, data, options, done)
  }
}
