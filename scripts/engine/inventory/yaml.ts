import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
} from 'yaml'
import type { Problems } from './problems.ts'
import type { MapTree, Origin, ReferenceKind, Tree } from './tree.ts'

/** Where a text comes from; `line` and `path` set what its own lines and paths start from. */
export interface YamlSource {
  readonly file: string
  /** False for text that is no file and has no lines: a value from the command line. */
  readonly lines?: boolean
  readonly path?: readonly string[]
}

// A generous inventory has a few thousand values; an anchor that multiplies itself has millions.
const limits = { nodes: 50_000, depth: 40, characters: 1_000_000 }

/**
 * YAML 1.2 (core schema, so `no` and `on` are text) as a tree that knows its lines. Anchors and `<<` work; a
 * duplicate key, an unknown tag, `__proto__` and text that only exists to exhaust us are problems. Undefined
 * where the text as a whole can't be read.
 */
export function readYaml(text: string, source: YamlSource, problems: Problems): Tree | undefined {
  const counter = new LineCounter()
  const lineAt = (offset: number) => (source.lines === false ? undefined : counter.linePos(offset).line)
  const start: Origin = { file: source.file, line: undefined, path: [] }
  if (text.length > limits.characters) {
    problems.add(start, `expected at most ${limits.characters} characters, got ${text.length}`)
    return undefined
  }
  const document = parsed(text, counter)
  // What follows a mistake of form is mostly its consequence; a duplicate key is told each time.
  for (const [i, error] of document.errors.entries()) {
    if (i > 0 && error.code !== 'DUPLICATE_KEY') continue
    problems.add({ ...start, line: lineAt(error.pos[0]) }, sentence(error.message))
  }
  if (document.errors.length > 0) return undefined
  const origin = { file: source.file, line: lineAt(0), path: source.path ?? [] }
  if (document.contents === null) return { kind: 'scalar', origin, value: null }
  try {
    const reader = { lineAt, problems, file: source.file, count: 0, follow: follower(document) }
    return read(document.contents, origin.path, reader, 0)
  } catch (error) {
    if (!(error instanceof TooMuch)) throw error
    problems.add(start, error.message)
    return undefined
  }
}

/** A tree that must be a map; null (everything in it commented out) is an empty one. */
export function asMap(tree: Tree, problems: Problems): MapTree {
  if (tree.kind === 'map') return tree
  const isNull = tree.kind === 'scalar' && tree.value === null
  if (!isNull)
    problems.add(tree.origin, `expected a map, got ${tree.kind === 'list' ? 'a list' : 'one value'}`)
  return { kind: 'map', origin: tree.origin, entries: new Map() }
}

interface Reader {
  readonly lineAt: (offset: number) => number | undefined
  readonly follow: (node: Node) => Node | undefined
  readonly problems: Problems
  readonly file: string
  count: number
}

class TooMuch extends Error {}

const references: readonly ReferenceKind[] = ['env', 'secret', 'generated']
const coreTags = /^tag:yaml\.org,2002:(str|int|float|bool|null|map|seq)$/

function parsed(text: string, counter: LineCounter): Document.Parsed {
  return parseDocument(text, {
    version: '1.2',
    schema: 'core',
    uniqueKeys: true,
    prettyErrors: false,
    logLevel: 'error',
    lineCounter: counter,
    // The text itself; what it refers to is looked up once it is known to be wanted.
    customTags: references.map(name => ({ tag: `!${name}`, resolve: (value: string) => value })),
  })
}

function follower(document: Document.Parsed): Reader['follow'] {
  return node => (isAlias(node) ? node.resolve(document) : node)
}

function read(written: Node, path: readonly string[], reader: Reader, depth: number): Tree {
  reader.count += 1
  if (reader.count > limits.nodes)
    throw new TooMuch(`more than ${limits.nodes} values, counting what anchors repeat`)
  if (depth > limits.depth)
    throw new TooMuch(`nested deeper than ${limits.depth} levels, or an anchor inside itself`)
  const origin: Origin = { file: reader.file, line: reader.lineAt(written.range?.[0] ?? 0), path }
  const node = reader.follow(written)
  if (node === undefined) {
    reader.problems.add(origin, `no anchor above is named ${String(written)}`)
    return { kind: 'scalar', origin, value: null }
  }
  const tag = node.tag
  const reference = references.find(name => tag === `!${name}`)
  if (reference !== undefined) return referred(node, reference, origin, reader)
  if (tag !== undefined && tag !== '!' && !coreTags.test(tag)) {
    const shown = tag.replace('tag:yaml.org,2002:', '!!')
    reader.problems.add(origin, `expected !env, !secret or !generated, got the tag ${shown}`)
    return { kind: 'scalar', origin, value: null }
  }
  if (isMap(node)) return readMap(node.items, origin, reader, depth)
  if (isSeq(node)) {
    const items = node.items.map((item, i) => read(item as Node, [...path, String(i)], reader, depth + 1))
    return { kind: 'list', origin, items }
  }
  return { kind: 'scalar', origin, value: scalar(isScalar(node) ? node.value : null, origin, reader) }
}

function readMap(pairs: readonly Pair[], origin: Origin, reader: Reader, depth: number): MapTree {
  const own = new Map<string, Tree>()
  const merged = new Map<string, Tree>()
  for (const pair of pairs) {
    const key = keyOf(pair, origin, reader)
    if (key === undefined) continue
    const line = reader.lineAt((pair.key as Node).range?.[0] ?? 0)
    const below = key === '<<' ? origin.path : [...origin.path, key]
    const value: Tree =
      pair.value === null
        ? { kind: 'scalar', origin: { ...origin, line, path: below }, value: null }
        : read(pair.value as Node, below, reader, depth + 1)
    if (key === '<<') mergeKey(value, merged, reader)
    // The line of the key: a map's own value begins a line further down.
    else own.set(key, { ...value, origin: { ...value.origin, line } })
  }
  return { kind: 'map', origin, entries: new Map([...merged, ...own]) }
}

// `<<: *defaults` or `<<: [*a, *b]`: the earlier one wins, and what the map says itself wins over both.
function mergeKey(value: Tree, merged: Map<string, Tree>, reader: Reader): void {
  for (const map of value.kind === 'list' ? value.items : [value]) {
    for (const [key, each] of asMap(map, reader.problems).entries) if (!merged.has(key)) merged.set(key, each)
  }
}

function keyOf(pair: Pair, origin: Origin, reader: Reader): string | undefined {
  const node = reader.follow(pair.key as Node)
  const value = isScalar(node) && node.tag === undefined ? node.value : undefined
  const key = typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
  const here = { ...origin, line: reader.lineAt((pair.key as Node | null)?.range?.[0] ?? 0) }
  if (key === undefined || key === '' || /\p{Cc}/u.test(key)) {
    reader.problems.add(here, 'expected a key of plain text')
    return undefined
  }
  if (key === '__proto__' || key === 'constructor' || key === 'prototype') {
    reader.problems.add(here, `${key} can't be a key`)
    return undefined
  }
  return key
}

function referred(node: Node, to: ReferenceKind, origin: Origin, reader: Reader): Tree {
  const name = isScalar(node) && typeof node.value === 'string' ? node.value.trim() : ''
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return { kind: 'reference', origin, to, name }
  reader.problems.add(
    origin,
    `expected a name of letters, digits and _ after !${to}, got ${JSON.stringify(name)}`,
  )
  return { kind: 'scalar', origin, value: null }
}

function scalar(value: unknown, origin: Origin, reader: Reader): string | number | boolean | null {
  if (typeof value === 'string' && value.includes('\0')) {
    reader.problems.add(origin, 'a NUL character, which no file, argument or SQL text can carry')
    return null
  }
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  return null
}

function sentence(message: string): string {
  if (message === 'Map keys must be unique') return 'a duplicate key'
  // The parser recurses, and reports the end of its stack as an error of the text.
  return message.startsWith('Maximum call stack') ? `nested deeper than ${limits.depth} levels` : message
}
