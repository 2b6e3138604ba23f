// Node 20 does not run TypeScript: from here on `require` compiles it to JavaScript with esbuild. The result, its source
// map and V8's compiled code are kept in node_modules/.cache until the module or esbuild changes.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import Module, { createRequire } from 'node:module'
import { basename, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Script } from 'node:vm'

const require = createRequire(import.meta.url)
const root = fileURLToPath(new URL('../..', import.meta.url))
const cacheFile = `${root}node_modules/.cache/capstan/node20.bin`

/** @type {import('esbuild').TransformOptions} */
const options = {
  loader: 'ts',
  format: 'cjs',
  target: 'node20',
  sourcemap: 'external',
  sourcesContent: false,
  define: { 'import.meta': 'importMeta' },
}
// On the module's first line, so that no other moves.
const head =
  "const importMeta = { url: require('node:url').pathToFileURL(__filename).href, dirname: __dirname, filename: __filename };"

// Kept code of V8 has lost how to import, so that is handed in. `#engine/` is TypeScript, which only `require` compiles.
const wrapper = '(function (exports, require, module, __filename, __dirname, importPackage) { '
const load = async specifier => (specifier.startsWith('#') ? require(specifier) : import(specifier))

const { version } = JSON.parse(readFileSync(`${root}node_modules/esbuild/package.json`, 'utf8'))
// V8's code has the path of its module, and a stack would show that of another checkout.
const recipe = JSON.stringify([root, version, process.version, process.arch, options, head])

/**
 * The modules of the cache file by their path below the root: the hash of the TypeScript, the JavaScript, and the lengths
 * of its source map and of V8's code, which begin at `from` in `binary`, one after the other.
 * @type {{ [name: string]: { hash: string, code: string, from: number, map: number, compiled: number } }}
 */
let kept = {}
let binary = Buffer.alloc(0)
read()

/** What this process has loaded, with the script that V8 made of it. */
const loaded = new Map()
let isNew = false

Module._extensions['.ts'] = (module, filename) => {
  const name = filename.slice(root.length)
  const source = readFileSync(filename, 'utf8')
  // What lies elsewhere may be there for once.
  const isOwn = filename.startsWith(root)
  const hash = createHash('sha256').update(source).digest('base64')
  const found = isOwn && kept[name]?.hash === hash ? keptModule(kept[name]) : undefined
  const { code, map, cachedData } = found ?? javascript(filename, source)
  const script = new Script(`${wrapper}${code}\n})`, { filename, cachedData })
  if (isOwn && (cachedData === undefined || script.cachedDataRejected)) isNew = true
  loaded.set(filename, { name, hash, code, map, script, isOwn, cachedData })
  const run = script.runInThisContext()
  const required = id => module.require(id)
  run.call(module.exports, module.exports, required, module, filename, dirname(filename), load)
}
process.once('exit', () => {
  if (isNew) write()
})
// Only a script that is TypeScript itself is imported: `node --import ./scripts/typescript.mjs scripts/x.ts`.
if (/\.m?ts$/.test(process.argv[1] ?? '')) {
  process.setSourceMapsEnabled(true)
  Module.register('./node20-hooks.mjs', import.meta.url)
}
// Node reads the source maps of modules that it compiles itself, at once. These are read when a stack is asked for.
Error.prepareStackTrace = (error, frames) =>
  [titleOf(error), ...frames.map(frame => `    at ${inTypeScript(frame)}`)].join('\n')

function javascript(filename, source) {
  const { code, map } = require('esbuild').transformSync(source, {
    ...options,
    sourcefile: basename(filename),
  })
  const script = code.replace(/\bimport\(/g, 'importPackage(')
  return { code: script.includes('importMeta') ? head + script : script, map: Buffer.from(map) }
}

function keptModule({ code, from, map, compiled }) {
  const end = from + map
  return { code, map: binary.subarray(from, end), cachedData: binary.subarray(end, end + compiled) }
}

function titleOf(error) {
  try {
    return Error.prototype.toString.call(error)
  } catch {
    return 'Error'
  }
}

function inTypeScript(frame) {
  const file = frame.getFileName()
  const [line, column] = [frame.getLineNumber(), frame.getColumnNumber()]
  const map = line === null ? undefined : mapOf(file)
  const found = map?.findEntry(line - 1, column - 1)
  if (found?.originalLine === undefined) return String(frame)
  return String(frame).replace(`:${line}:${column}`, `:${found.originalLine + 1}:${found.originalColumn + 1}`)
}

function mapOf(file) {
  const module = loaded.get(file)
  if (!module) return typeof file === 'string' ? Module.findSourceMap(file) : undefined
  module.sourceMap ??= new Module.SourceMap(JSON.parse(module.map.toString()))
  return module.sourceMap
}

// A length in four bytes, as many bytes of JSON, then the source map and V8's code of each module.
function read() {
  try {
    const bytes = readFileSync(cacheFile)
    const end = 4 + bytes.readUInt32LE()
    const found = JSON.parse(bytes.toString('utf8', 4, end))
    if (found.recipe !== recipe) return
    kept = found.modules
    binary = bytes.subarray(end)
  } catch {
    kept = {}
  }
}

/** Whole or not at all, as others may read it meanwhile; where nothing can be kept, all is made again next time. */
function write() {
  const draft = `${cacheFile}.${process.pid}`
  try {
    const modules = {}
    const parts = []
    let from = 0
    const add = (name, { hash, code, map }, compiled) => {
      modules[name] = { hash, code, from, map: map.length, compiled: compiled.length }
      parts.push(map, compiled)
      from += map.length + compiled.length
    }
    const ours = new Map([...loaded.values()].filter(one => one.isOwn).map(one => [one.name, one]))
    for (const [name, one] of Object.entries(kept))
      if (!ours.has(name)) {
        const { map, cachedData } = keptModule(one)
        add(name, { ...one, map }, cachedData)
      }
    for (const [name, one] of ours) {
      const isGood = one.cachedData !== undefined && !one.script.cachedDataRejected
      add(name, one, isGood ? one.cachedData : one.script.createCachedData())
    }
    const json = Buffer.from(JSON.stringify({ recipe, modules }))
    const length = Buffer.alloc(4)
    length.writeUInt32LE(json.length)
    mkdirSync(dirname(cacheFile), { recursive: true })
    writeFileSync(draft, Buffer.concat([length, json, ...parts]))
    renameSync(draft, cacheFile)
  } catch {}
}
