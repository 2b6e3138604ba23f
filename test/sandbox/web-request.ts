import { request as sendPlain } from 'node:http'
import { type Agent, type RequestOptions, request as send } from 'node:https'
import type { Duplex } from 'node:stream'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: string
}

interface Asked {
  readonly port: number
  /** `https://www.foobar.com/a?b`; its host is the name that is asked for, the port is the sandbox's. */
  readonly url: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly agent?: Agent
  /** PEM: the answer must come with a certificate that this vouches for. */
  readonly ca?: string
}

/** One request to a published port of the sandbox, with the URL's host as Host and SNI. Rejects without an answer. */
export function ask({ port, url, method = 'GET', headers = {}, body, agent, ca }: Asked): Promise<Answer> {
  const { protocol, hostname, pathname, search } = new URL(url)
  const options: RequestOptions = {
    host: '127.0.0.1',
    port,
    method,
    path: pathname + search,
    headers: { host: hostname, ...headers },
    servername: hostname,
    ...(ca === undefined ? { rejectUnauthorized: false } : { ca }),
    agent: agent ?? false,
    timeout: 20_000,
  }
  return new Promise((resolve, reject) => {
    const call = (protocol === 'https:' ? send : sendPlain)(
      options as RequestOptions & { agent: false },
      response => {
        const chunks: Buffer[] = []
        response.on('data', chunk => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString(),
          }),
        )
      },
    )
    call.on('error', reject)
    call.on('timeout', () => call.destroy(new Error('no answer in 20 s')))
    call.end(body)
  })
}

/** A web socket to the domain: the connection after its upgrade. Rejects where there is another answer than 101. */
export function openWebSocket(port: number, domain: string): Promise<Duplex> {
  const headers = {
    ...{ host: domain, upgrade: 'websocket', connection: 'Upgrade' },
    ...{ 'sec-websocket-version': '13', 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' },
  }
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port,
      path: '/',
      headers,
      servername: domain,
      rejectUnauthorized: false,
    }
    const call = send(options, ({ statusCode }) => reject(new Error(`answered ${statusCode}`)))
    call.on('upgrade', (_, socket) => resolve(socket))
    call.on('error', reject)
    call.end()
  })
}
