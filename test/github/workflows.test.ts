import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { actionlint, githubParser } from './lint.ts'
import { breaches } from './rules.ts'
import { parseWorkflowFile } from './workflow.ts'

const folder = resolve(import.meta.dirname, '../../.github/workflows')
const files = readdirSync(folder)
const textOf = (file: string) => readFileSync(join(folder, file), 'utf8')

describe.each(files)('%s', file => {
  it('is what actionlint takes for a good workflow', async () => {
    expect(await actionlint(file, textOf(file))).toEqual([])
  })

  it('is what GitHub parses without a word', async () => {
    expect(await githubParser(file, textOf(file))).toEqual([])
  })

  it('breaks none of our own rules', () => {
    expect(breaches(textOf(file))).toEqual([])
  })
})

describe('every step that logs in to hosts', () => {
  const inventory = readFileSync(resolve(folder, '../../inventory/production.yml'), 'utf8')
  const secrets = [...new Set([...inventory.matchAll(/^[^#]*!secret (\w+)/gm)].map(([, name]) => name))]
  const steps = files.flatMap(file =>
    Object.values(parseWorkflowFile(textOf(file)).jobs).flatMap(({ steps: all = [] }) =>
      all
        // status.mjs reads the inventory without its secrets.
        .filter(({ env = {}, run = '' }) => 'CAPSTAN_SSH_KEY' in env && !run.includes('scripts/status.mjs'))
        .map(step => [`${file}: ${step.name}`, step] as const),
    ),
  )

  it('is there at all', () => {
    expect(steps.length).toBeGreaterThan(5)
    expect(secrets).toContain('DB_PASSWORD')
  })

  it.each(steps)(
    '%s is given the host keys and every secret that the inventory names',
    (_name, { env = {} }) => {
      const wanted = ['CAPSTAN_SSH_KEY', 'CAPSTAN_KNOWN_HOSTS', ...secrets]
      expect(Object.keys(env)).toEqual(expect.arrayContaining(wanted))
      for (const name of secrets) expect(env[name ?? '']).toBe(`\${{ secrets.${name} }}`)
    },
  )
})

describe('the supported versions of Node', () => {
  const project = resolve(folder, '../..')
  const readme = readFileSync(join(project, 'README.md'), 'utf8')
  const numbers = (text: string) => [...text.matchAll(/\d+/g)].map(([number]) => Number(number))
  const [, supported = '', courtesy = ''] =
    /needs Linux with Node ([\d, or]+)\. Node ([\d.]+) and later works too/.exec(readme) ?? []

  it('are the same wherever the README names them', () => {
    const named = [...readme.matchAll(/Linux with Node ([\d, or]*\d)/g)].map(([, list = '']) => numbers(list))
    expect(numbers(supported).length).toBeGreaterThan(1)
    expect(named).toEqual(named.map(() => numbers(supported)))
  })

  it('are those that each push is checked on, with the one that works too', () => {
    const { strategy } = parseWorkflowFile(textOf('check.yml')).jobs['project'] ?? {}
    const [oldest] = numbers(courtesy)
    expect(strategy).toMatchObject({ matrix: { node: [oldest, ...numbers(supported)] } })
  })

  it('begin with the one that package.json asks for', () => {
    const { engines } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'))
    expect(engines.node).toBe(`>=${courtesy}`)
  })
})
