import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a test reads of the issues and comments that were made. */
export interface Item {
  readonly number: number
  title?: string
  body: string
  state: string
  readonly comments: { id: number; body: string; user: { type: string }; html_url: string }[]
}

export interface FakeGithub {
  /** For the process under test: where it speaks and as whom. */
  readonly environment: Readonly<Record<string, string>>
  readonly items: Map<number, Item>
  /** The commits of the runs of deploy.yml on main that succeeded, the latest last. */
  readonly good: string[]
  /** `POST /issues` and so on, in order; reads are left out. */
  readonly writes: string[]
  close(): void
}

/** A GitHub that knows issues and comments, spoken to over HTTP. Everything it is told it has from a bot. */
export async function fakeGithub(): Promise<FakeGithub> {
  const items = new Map<number, Item>()
  const good: string[] = []
  const writes: string[] = []
  let next = 100
  const item = (number: number): Item => {
    const found = items.get(number) ?? { number, body: '', state: 'open', comments: [] }
    items.set(number, found)
    return found
  }
  const shown = (one: Item) => ({ ...one, html_url: `https://github.test/issues/${one.number}` })

  const server = createServer((request, response) => {
    let text = ''
    request.on('data', chunk => {
      text += chunk
    })
    request.on('end', () => {
      const answer = (status: number, body: unknown) => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
      }
      if (request.headers.authorization !== 'Bearer ghs_test_token_1234')
        return answer(401, { message: 'Bad credentials' })
      const path = (request.url ?? '')
        .replace('/repos/octocat/foobar', '')
        .replace(/[?&](per_)?page=\d+/g, '')
      const what = `${request.method} ${path}`
      const body = text === '' ? {} : JSON.parse(text)
      if (request.method !== 'GET') writes.push(what)
      const [, , number = '', , id] = path.split('/')
      if (what === 'GET /issues?state=open')
        return answer(200, [...items.values()].filter(({ state }) => state === 'open').map(shown))
      if (what === 'GET /actions/workflows/deploy.yml/runs?branch=main&status=success')
        return answer(200, { workflow_runs: good.slice(-1).map(head_sha => ({ head_sha })) })
      if (what === 'POST /issues') {
        const made = { number: next++, title: body.title, body: body.body, state: 'open', comments: [] }
        items.set(made.number, made)
        return answer(201, shown(made))
      }
      if (/^PATCH \/issues\/\d+$/.test(what))
        return answer(200, shown(Object.assign(item(Number(number)), body)))
      if (/^GET \/issues\/\d+\/comments/.test(what)) return answer(200, item(Number(number)).comments)
      if (/^POST \/issues\/\d+\/comments$/.test(what)) {
        const made = {
          id: next++,
          body: body.body,
          user: { type: 'Bot' },
          html_url: `https://github.test/c/${next}`,
        }
        item(Number(number)).comments.push(made)
        return answer(201, made)
      }
      if (/^PATCH \/issues\/comments\/\d+$/.test(what)) {
        const found = [...items.values()]
          .flatMap(({ comments }) => comments)
          .find(one => String(one.id) === (id ?? path.split('/')[3]))
        return found ? answer(200, Object.assign(found, body)) : answer(404, { message: 'Not Found' })
      }
      answer(404, { message: 'Not Found' })
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    environment: {
      GITHUB_API_URL: `http://127.0.0.1:${port}`,
      GITHUB_REPOSITORY: 'octocat/foobar',
      GITHUB_TOKEN: 'ghs_test_token_1234',
    },
    items,
    good,
    writes,
    close: () => server.close(),
  }
}
