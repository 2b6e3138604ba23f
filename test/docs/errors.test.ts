import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { refusals } from '#engine/connection/refusals.ts'
import { codeOf } from '#engine/deploy/reporter.ts'
import {
  backStep,
  copyStep,
  installStep,
  migrateStep,
  standDownStep,
  startSteps,
  switchSteps,
} from '#engine/deploy/steps.ts'
import { settings as plainSettings } from '../deploy/settings.ts'

const root = resolve(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/errors.md'), 'utf8')

/** `| \`code\` | 2 | …`: each row of the page's tables, as `code 2`. */
const told = [...page.matchAll(/^\| `([^`]+)` \| (\d+) \|/gm)].map(([, code, exit]) => `${code} ${exit}`)

test('docs/errors.md has each code that is thrown, with what the command exits with, and no other.', () => {
  expect([...new Set(told)].sort()).toEqual([...new Set(thrown())].sort())
})

test('A code that is not written where it is thrown comes from another error or from its parts.', () => {
  const others = constructed().flatMap(({ first }) => (codesIn(first).length === 0 ? [first] : []))
  const known = [...together, 'code', 'error.code', 'first.code', 'known.code']
  expect(others.filter(first => !known.includes(first))).toEqual([])
})

/** Codes that are put together: what they can be is collected from where their parts are. */
const together = ['`unreachable-${code.toLowerCase()}`', 'codeOf(name)']

/** `code exit` of all that scripts/engine and roles can throw. */
function thrown(): readonly string[] {
  const written = constructed().flatMap(({ name, first }) =>
    codesIn(first).map(code => `${code} ${exits[name]}`),
  )
  return [
    ...written,
    ...refusals.map(({ code }) => `${code} ${exits['HostError']}`),
    ...networkCodes().map(code => `unreachable-${code.toLowerCase()} ${exits['UnreachableError']}`),
    ...stepNames().map(name => `${codeOf(name)} ${exits['HostError']}`),
  ]
}

const exits: Readonly<Record<string, number>> = {
  CapstanError: 1,
  HostError: 1,
  UsageError: 2,
  LockedError: 75,
  UnreachableError: 4,
  ConnectionLost: 4,
}

/** Each `new XError(first, …)` of the source. */
function constructed(): readonly { readonly name: string; readonly first: string }[] {
  const pattern = new RegExp(`new (${Object.keys(exits).join('|')})\\(\\s*([^,]+?)\\s*,`, 'g')
  return sources().flatMap(text =>
    [...text.matchAll(pattern)].map(([, name = '', first = '']) => ({ name, first })),
  )
}

function codesIn(first: string): readonly string[] {
  return together.includes(first) ? [] : [...first.matchAll(/'([^']+)'/g)].map(([, code = '']) => code)
}

function networkCodes(): readonly string[] {
  const text = readFileSync(join(root, 'scripts/engine/connection/transport.ts'), 'utf8')
  return [...text.matchAll(/^ {2}(E[A-Z_]+): \[/gm)].map(([, code = '']) => code)
}

/** The steps of a deploy that can fail it. */
function stepNames(): readonly string[] {
  const settings = { ...plainSettings, workers: ['mail'] }
  const steps = [
    copyStep(''),
    installStep({ command: 'true', folders: [], files: [] }),
    ...startSteps(settings, 'deploy'),
    migrateStep('true', ''),
    ...switchSteps(settings, undefined, 'deploy'),
    ...[backStep(undefined), standDownStep('deploy')],
  ]
  return steps.filter(({ soft }) => !soft).map(({ name }) => name)
}

function sources(): readonly string[] {
  return ['scripts/engine', 'roles'].flatMap(folder =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('.ts') && name !== 'errors.ts')
      .map(name => readFileSync(join(root, folder, name), 'utf8')),
  )
}
