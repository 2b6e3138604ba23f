import { createRequire } from 'node:module'
import { isDeepStrictEqual } from 'node:util'
import type { ParseError } from 'jsonc-parser'
import type { SettingEditor } from './editor.ts'

/** JSON, with comments and trailing commas where the file has them; what is not changed keeps its form. */
export const editJson: SettingEditor = (text, way, value) => {
  const { applyEdits, findNodeAtLocation, getNodeValue, modify, parseTree } = jsoncLibrary()
  const source = text.trim() === '' ? '{}\n' : text
  const errors: ParseError[] = []
  const tree = parseTree(source, errors, { allowTrailingComma: true })
  const [error] = errors
  if (!tree || error) throw new RangeError(`is not JSON: ${problem(source, error)}`)
  const path = [...way]
  const node = findNodeAtLocation(tree, path)
  const found: unknown = node && getNodeValue(node)
  const [isFound, wanted] = [shown(found), shown(value)]
  if (node === undefined ? value === undefined : isDeepStrictEqual(found, value))
    return { text, found: isFound, wanted }
  const formattingOptions = { insertSpaces: !/^\t/m.test(source), tabSize: indent(source), eol: '\n' }
  try {
    const changes = modify(source, path, value, { formattingOptions })
    return { text: applyEdits(source, changes), found: isFound, wanted }
  } catch (cause) {
    throw new RangeError(`has no place for ${way.join('.')}: ${(cause as Error).message}`)
  }
}

/** The library costs 5 ms to load: only a run that changes JSON pays it. */
function jsoncLibrary(): typeof import('jsonc-parser') {
  return createRequire(import.meta.url)('jsonc-parser')
}

function problem(text: string, error: ParseError | undefined): string {
  if (!error) return 'it is empty'
  const line = text.slice(0, error.offset).split('\n').length
  return `${jsoncLibrary().printParseErrorCode(error.error)} in line ${line}`
}

function shown(value: unknown): string {
  return value === undefined ? 'absent' : JSON.stringify(value)
}

function indent(text: string): number {
  return /^( +)\S/m.exec(text)?.[1]?.length ?? 2
}
