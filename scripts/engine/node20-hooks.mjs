// What Node 20 imports as TypeScript, a script of one's own, becomes JavaScript by esbuild.
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { transform } from 'esbuild'

/** @type {import('node:module').LoadHook} */
export async function load(url, context, next) {
  if (!/^file:.*\.m?ts$/.test(url)) return next(url, context)
  const file = fileURLToPath(url)
  const options = {
    loader: 'ts',
    format: 'esm',
    target: 'node20',
    sourcemap: 'inline',
    sourcesContent: false,
  }
  const { code } = await transform(await readFile(file, 'utf8'), { ...options, sourcefile: basename(file) })
  return { format: 'module', source: code, shortCircuit: true }
}
