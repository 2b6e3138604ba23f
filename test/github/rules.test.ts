import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { actionlint, githubParser } from './lint.ts'
import { breaches } from './rules.ts'

const good = readFileSync(join(import.meta.dirname, 'good.yml'), 'utf8')

describe('a good workflow', () => {
  it('breaks no rule, and neither actionlint nor GitHub has a word to say', async () => {
    expect(breaches(good)).toEqual([])
    expect(await actionlint('good.yml', good)).toEqual([])
    expect(await githubParser('good.yml', good)).toEqual([])
  })
})

const sha = '@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2'
const pull = ['on: { push: { branches: [main] } }', 'on: { pull_request: }'] as const

// Each row turns the good workflow into one that is bad in one way.
const rows: readonly (readonly [rule: string, what: string, from: string, to: string])[] = [
  ['unpinned', 'a tag', sha, '@v6'],
  ['unpinned', 'a branch', sha, '@main'],
  ['unpinned', 'a short commit', sha, '@de0fac2 # v6.0.2'],
  ['unpinned', 'a commit whose version nobody can read', sha, '@de0fac2e4500dabe0009e67214ff5f5447ce83dd'],
  ['unpinned', 'an image', `actions/checkout${sha}`, 'docker://alpine:3'],
  ['trigger', 'pull_request_target', 'push: { branches: [main] }', 'pull_request_target: {}'],
  [
    'trigger',
    'workflow_run',
    'push: { branches: [main] }',
    'workflow_run: { workflows: [a], types: [completed] }',
  ],
  ['permissions', 'none said', 'permissions: { contents: read }\n', ''],
  ['permissions', 'write-all', '{ contents: read }', 'write-all'],
  ['permissions', 'read-all', '{ contents: read }', 'read-all'],
  ['permissions', 'contents to write', 'contents: read', 'contents: write'],
  ['permissions', 'a scope that nothing needs', 'contents: read', 'contents: read, id-token: write'],
  [
    'permissions',
    'issues without the command for them',
    'timeout-minutes',
    'permissions: { issues: write }\n    timeout-minutes',
  ],
  [
    'permissions',
    'runs to read without the command for them',
    'timeout-minutes',
    'permissions: { actions: read }\n    timeout-minutes',
  ],
  ['concurrency', 'none', 'concurrency: { group: deploy, cancel-in-progress: false, queue: max }\n', ''],
  [
    'concurrency',
    'a running deploy is cancelled',
    'cancel-in-progress: false, queue: max',
    'cancel-in-progress: true',
  ],
  ['concurrency', 'a waiting deploy is dropped', ', queue: max', ''],
  ['persisted credentials', 'checkout as it comes', '        with: { persist-credentials: false }\n', ''],
  ['text in run', 'a branch name', 'npm ci', 'echo "${{ github.head_ref }}"'],
  ['text in run', 'an input', 'npm ci', 'echo "${{ inputs.release }}"'],
  ['text in run', 'a step’s output', 'npm ci', 'echo "${{ steps.a.outputs.b }}"'],
  ['shell', 'without pipefail', 'defaults: { run: { shell: bash } }\n', ''],
  ['timeout', 'none', '    timeout-minutes: 10\n', ''],
  ['environment url', 'none', ", url: 'https://www.foobar.com/'", ''],
  [
    'secret for all steps',
    'of a job',
    'timeout-minutes: 10',
    "env: { A: '${{ secrets.A }}' }\n    timeout-minutes: 10",
  ],
  ['secret for all steps', 'of the workflow', 'defaults:', "env: { A: '${{ secrets.A }}' }\ndefaults:"],
  [
    'install scripts',
    'a secret for npm ci',
    '- run: npm ci',
    "- env: { A: '${{ secrets.A }}' }\n        run: npm ci",
  ],
  [
    'secret for an action',
    'of somebody else',
    `${sha}\n`,
    `${sha}\n        env: { A: '\${{ secrets.A }}' }\n`,
  ],
  ['signals', 'a shell between the runner and node', 'exec node', 'node'],
  [
    'signals',
    'more after node',
    'exec node scripts/site.mjs',
    '|\n          exec node scripts/site.mjs\n          echo done',
  ],
  ['fork', 'secrets on any pull request', ...pull],
]

describe('a workflow is refused', () => {
  it.each(rows)('for %s: %s', (rule, _what, from, to) => {
    expect(good).toContain(from)
    const bad = good.replace(from, to)
    expect([...new Set(breaches(bad).map(breach => breach.rule))]).toEqual([rule])
  })

  it('for inherited secrets', () => {
    const bad = good.replace(
      'jobs:',
      'jobs:\n  check: { uses: ./.github/workflows/check.yml, secrets: inherit }',
    )
    expect(breaches(bad)).toEqual([{ rule: 'inherited secrets', at: 'check' }])
  })

  // Negative controls of the linters that we did not write.
  it('by actionlint, for a context that is not there', async () => {
    const bad = good.replace('npm ci', 'npm ci\n        if: ${{ steps.nobody.outputs.x }}')
    expect(await actionlint('bad.yml', bad)).toHaveLength(1)
  })

  it('by GitHub’s parser, for a queue that it does not know', async () => {
    const found = await githubParser('bad.yml', good.replace('queue: max', 'queue: most'))
    expect(found.map(({ message }) => message)).toEqual(["Unexpected value 'most'"])
  })
})
