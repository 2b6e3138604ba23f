// Node 20 knows no TypeScript: from here on `require` has esbuild make JavaScript of it, which is kept in
// node_modules/.cache until the module or esbuild changes.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import Module, { createRequire } from 'node:module'
import { basename, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

const require = createRequire(import.meta.url)
const root = fileURLToPath(new URL('../..', import.meta.url))
const cacheFile = `${root}node_modules/.cache/capstan/node20.json`

/** @type {import('esbuild').TransformOptions} */
const options = {
  loader: 'ts',
  format: 'cjs',
  target: 'node20',
  sourcemap: 'inline',
  sourcesContent: false,
  define: { 'import.meta': 'importMeta' },
}
// On the module's first line, so that no other moves.
const head =
  "const importMeta = { url: require('node:url').pathToFileURL(__filename).href, dirname: __dirname, filename: __filename };"

const { version } = JSON.parse(readFileSync(`${root}node_modules/esbuild/package.json`, 'utf8'))
const recipe = JSON.stringify([version, options, head])
const cache = read()
let isNew = false

process.setSourceMapsEnabled(true)
Module._extensions['.ts'] = (module, filename) => {
  const source = readFileSync(filename, 'utf8')
  // What lies elsewhere may be there for once.
  const code = filename.startsWith(root) ? kept(filename, source) : compiled(filename, source)
  module._compile(code, filename)
}
process.once('exit', () => {
  if (isNew) write()
})
// Only a script that is TypeScript itself is imported: `node --import ./scripts/typescript.mjs scripts/x.ts`.
if (/\.m?ts$/.test(process.argv[1] ?? '')) Module.register('./node20-hooks.mjs', import.meta.url)

function kept(filename, source) {
  const hash = createHash('sha256').update(source).digest('base64')
  const name = filename.slice(root.length)
  if (cache[name]?.hash !== hash) {
    cache[name] = { hash, code: compiled(filename, source) }
    isNew = true
  }
  return cache[name].code
}

function compiled(filename, source) {
  const { code } = require('esbuild').transformSync(source, { ...options, sourcefile: basename(filename) })
  return code.includes('importMeta') ? head + code : code
}

function read() {
  try {
    const found = JSON.parse(readFileSync(cacheFile, 'utf8'))
    return found.recipe === recipe ? found.modules : {}
  } catch {
    return {}
  }
}

/** Whole or not at all, as others may read it meanwhile; where nothing can be kept, all is made again next time. */
function write() {
  const draft = `${cacheFile}.${process.pid}`
  try {
    mkdirSync(dirname(cacheFile), { recursive: true })
    writeFileSync(draft, JSON.stringify({ recipe, modules: cache }))
    renameSync(draft, cacheFile)
  } catch {}
}
