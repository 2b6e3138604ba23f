import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '..')

// What each module may import, itself apart: imports point one way, and output knows only events.
const base = [
  'errors.ts',
  'secret.ts',
  'quote.ts',
  'nearest.ts',
  'within.ts',
  'call-site.ts',
  'systems.ts',
  'zx.ts',
  'program.ts',
]
const below: Readonly<Record<string, readonly string[]>> = {
  'errors.ts': [],
  'secret.ts': [],
  'quote.ts': [],
  'nearest.ts': [],
  'within.ts': [],
  'call-site.ts': [],
  'systems.ts': [],
  'zx.ts': [],
  'program.ts': ['quote.ts', 'zx.ts'],
  'capstan.ts': [...base, 'command', 'converge', 'inventory', 'output', 'run', 'script'],
  'vars.ts': ['vars'],
  vars: [...base],
  output: [...base],
  github: [...base, 'output'],
  connection: [...base],
  inventory: [...base, 'vars', 'vars.ts', 'output'],
  sandbox: [...base, 'output'],
  resources: [...base, 'connection', 'output', 'vars', 'vars.ts'],
  host: [...base, 'connection', 'output', 'resources'],
  converge: [...base, 'connection', 'host', 'output', 'resources', 'vars', 'vars.ts'],
  app: [...base, 'connection', 'deploy', 'host', 'output', 'resources', 'script'],
  deploy: [...base, 'connection', 'host', 'output', 'resources'],
  doctor: [...base, 'connection'],
  status: [...base, 'app', 'connection', 'converge', 'output', 'resources'],
  script: [
    ...base,
    'connection',
    'converge',
    'host',
    'inventory',
    'output',
    'resources',
    'sandbox',
    'vars',
    'vars.ts',
  ],
  run: [
    ...base,
    'connection',
    'converge',
    'host',
    'inventory',
    'output',
    'resources',
    'sandbox',
    'script',
    'vars.ts',
  ],
  command: [
    ...base,
    'app',
    'connection',
    'converge',
    'deploy',
    'doctor',
    'github',
    'host',
    'inventory',
    'output',
    'resources',
    'run',
    'sandbox',
    'script',
    'status',
    'vars',
    'vars.ts',
  ],
  // A role may bring functions that work on the hosts of a script.
  roles: [...base, 'converge', 'resources', 'script', 'vars', 'vars.ts'],
}

test.each(modules())('%s imports only what lies below it', (file, imports) => {
  const own = moduleOf(file)
  const allowed = new Set([own, ...(below[own] ?? [])])
  expect(imports.filter(one => !allowed.has(moduleOf(one)))).toEqual([])
})

test('has no import cycles, not even of types', () => {
  const imports = new Map(modules())
  const cycles: string[] = []
  const clear = new Set<string>()
  const visit = (file: string, way: readonly string[]): void => {
    if (clear.has(file)) return
    if (way.includes(file)) {
      cycles.push([...way.slice(way.indexOf(file)), file].join(' → '))
      return
    }
    for (const next of imports.get(file) ?? []) visit(next, [...way, file])
    clear.add(file)
  }
  for (const file of imports.keys()) visit(file, [])
  expect(cycles).toEqual([])
})

test.each(
  readdirSync(join(root, 'scripts')).filter(
    name => /\.m?[jt]s$/.test(name) && !/^(capstan|typescript)\./.test(name),
  ),
)('scripts/%s imports nothing of the engine but #capstan', name => {
  const text = readFileSync(join(root, 'scripts', name), 'utf8')
  const imports = [...text.matchAll(/(?:from|import|require)\s*\(?\s*'([^']+)'/g)].map(
    ([, specifier = '']) => specifier,
  )
  expect(imports.filter(one => !/^(#capstan|#roles|zx|node:\w+)$/.test(one))).toEqual([])
})

test('local programs are started by zx alone', () => {
  const starters = modules()
    .map(([file]) => file)
    .filter(file => /^import (?!type ).*child_process/m.test(readFileSync(join(root, file), 'utf8')))
  expect(starters).toEqual([])
})

function modules(): readonly (readonly [string, readonly string[]])[] {
  return ['scripts/engine', 'roles']
    .flatMap(folder =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(name => join(folder, name)),
    )
    .filter(name => name.endsWith('.ts') && !name.includes('/examples/'))
    .map(name => [name, importsOf(name)])
}

function importsOf(file: string): readonly string[] {
  const text = readFileSync(join(root, file), 'utf8')
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'([#.][^']+)'/g)].map(([, specifier = '']) =>
    specifier.startsWith('#engine/')
      ? specifier.replace('#engine/', 'scripts/engine/')
      : specifier.startsWith('#roles/')
        ? specifier.replace('#roles/', 'roles/')
        : relative(root, resolve(root, dirname(file), specifier)),
  )
}

function moduleOf(file: string): string {
  if (file.startsWith('roles/')) return 'roles'
  return file.replace('scripts/engine/', '').split('/')[0] ?? ''
}
