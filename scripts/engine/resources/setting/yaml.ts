import { isDeepStrictEqual } from 'node:util'
import { Document, isCollection, isScalar, parseDocument } from 'yaml'
import type { SettingEditor } from './editor.ts'

/**
 * YAML. Where a single value takes the place of another only that is written; anything else writes the whole file, with its
 * comments, and perhaps with other indents.
 */
export const editYaml: SettingEditor = (text, way, value) => {
  const document = parseDocument(text, { uniqueKeys: true })
  const [error] = document.errors
  if (error) throw new RangeError(`is not YAML: ${error.message.split('\n')[0]}`)
  const found: unknown = toPlain(document, way)
  const [isFound, wanted] = [shown(found), shown(value)]
  if (isDeepStrictEqual(found, value)) return { text, found: isFound, wanted }

  const node = document.getIn(way, true)
  if (
    isScalar(node) &&
    node.range &&
    !isObject(value) &&
    value !== undefined &&
    node.type !== 'BLOCK_LITERAL'
  ) {
    const [start, end] = node.range
    const next = `${text.slice(0, start)}${scalar(value)}${text.slice(end)}`
    if (isSet(next, way, value)) return { text: next, found: isFound, wanted }
  }
  try {
    if (value === undefined) document.deleteIn(way)
    else document.setIn(way, document.createNode(value))
  } catch (cause) {
    throw new RangeError(`has no place for ${way.join('.')}: ${(cause as Error).message}`)
  }
  const next = document.toString({ lineWidth: 0, indentSeq: !/^([\w-]+):[^\n]*\n- /m.test(text) })
  if (!isSet(next, way, value)) throw new RangeError(`has no place for ${way.join('.')}`)
  return { text: next, found: isFound, wanted }
}

function toPlain(document: ReturnType<typeof parseDocument>, way: readonly (string | number)[]): unknown {
  if (document.contents === null || (way.length > 0 && !isCollection(document.contents))) return undefined
  if (!document.hasIn(way)) return undefined
  const node = document.getIn(way, true)
  return node === undefined ? undefined : new Document(node).toJS()
}

function isSet(text: string, way: readonly (string | number)[], value: unknown): boolean {
  const document = parseDocument(text)
  return document.errors.length === 0 && isDeepStrictEqual(toPlain(document, way), value)
}

// In one line, in quotes where another type would be read.
function scalar(value: unknown): string {
  const text = new Document(value).toString({ lineWidth: 0, blockQuote: false })
  return text.replace(/\n$/, '')
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function shown(value: unknown): string {
  return value === undefined ? 'absent' : JSON.stringify(value)
}
