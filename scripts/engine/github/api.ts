import { CapstanError, UsageError } from '#engine/errors.ts'
import { Secret } from '#engine/secret.ts'

/** The part of GitHub's REST API below `/repos/owner/name`. */
export interface GithubApi {
  /** The body of the answer as JSON. Throws CapstanError with what GitHub said. */
  call(method: 'GET' | 'POST' | 'PATCH', path: string, body?: object): Promise<unknown>
  /** All pages of a list, at most ten of a hundred. */
  list(path: string): Promise<readonly unknown[]>
}

/** Speaks for GITHUB_TOKEN. Throws UsageError where the runner's variables are missing. */
export function githubApi(environment: NodeJS.ProcessEnv): GithubApi {
  const { GITHUB_TOKEN: token, GITHUB_REPOSITORY: name } = environment
  const server = environment['GITHUB_API_URL'] ?? 'https://api.github.com'
  for (const [variable, value] of Object.entries({ GITHUB_TOKEN: token, GITHUB_REPOSITORY: name }))
    if (!value) throw new UsageError('usage', `${variable}: expected a value in the environment, got none`)
  const secret = new Secret(token ?? '')

  async function call(method: string, path: string, body?: object): Promise<unknown> {
    const response = await fetch(`${server}/repos/${name}${path}`, {
      method,
      signal: AbortSignal.timeout(30_000),
      headers: {
        accept: 'application/vnd.github+json',
        authorization: `Bearer ${secret.reveal()}`,
        'content-type': 'application/json',
        'user-agent': 'capstan',
        'x-github-api-version': '2022-11-28',
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch((error: Error) => {
      throw new CapstanError('github', `GitHub: ${method} ${path}: ${error.message}`, { cause: error })
    })
    const text = await response.text()
    if (response.ok) return JSON.parse(text)
    throw new CapstanError('github', `GitHub: ${method} ${path} answered ${response.status}`, {
      lines: text.split('\n').slice(0, 5),
      ...(response.status === 403 || response.status === 404 ? { hint: denied } : {}),
    })
  }

  return {
    call,
    async list(path) {
      const all: unknown[] = []
      for (let page = 1; page <= 10; page++) {
        const found = (await call(
          'GET',
          `${path}${path.includes('?') ? '&' : '?'}per_page=100&page=${page}`,
        )) as unknown[]
        all.push(...found)
        if (found.length < 100) break
      }
      return all
    },
  }
}

const denied = 'Does the job have the permission (pull-requests: write, issues: write)?'
