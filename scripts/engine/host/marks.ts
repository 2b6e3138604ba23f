import { StringDecoder } from 'node:string_decoder'
import { cutAt } from '#engine/connection/marker.ts'

/** What a stage's script tells: a mark, or what the step that is running printed. */
export type Mark =
  | { readonly word: 'begin'; readonly index: number }
  | { readonly word: 'end'; readonly index: number; readonly code: number }
  /** A config set was tested, on a copy or where the files lie. */
  | { readonly word: 'tested'; readonly index: number; readonly code: number; readonly on: 'copy' | 'place' }
  /** The same test of the files that were there before the set, after it failed. */
  | { readonly word: 'before'; readonly index: number; readonly code: number }
  /** `refused`: a set that could not even be tried, the reason is the text before. */
  | { readonly word: 'installed' | 'putback' | 'refused'; readonly index: number }
  /** A step may have closed the way in: it waits for a login over a new connection. */
  | { readonly word: 'prove'; readonly index: number }
  /** A handler that failed ran again after its sets were put back: what then came of it. */
  | { readonly word: 'again'; readonly index: number; readonly code: number }
  /** The stage ended between two steps, after an interrupt. */
  | { readonly word: 'stopped' }
  | { readonly word: 'done'; readonly code: number }
  /** What a deploy's step has to say of itself in a few words. */
  | { readonly word: 'note'; readonly index: number; readonly text: string }
  | { readonly word: 'text'; readonly text: string }

/**
 * Splits a stage's log, as it grows, into marks and the text between them. Text is handed on as it comes, whole
 * characters, but for an end that may be the beginning of a mark.
 */
export function markReader(nonce: string, on: (mark: Mark) => void): (chunk: Buffer) => void {
  const decoder = new StringDecoder('utf8')
  const tell = (text: string) => {
    if (text !== '') on({ word: 'text', text })
  }
  return cutAt({
    marker: Buffer.from(`\n${nonce} `),
    onData: bytes => tell(decoder.write(bytes)),
    onMarker(line) {
      tell(decoder.end())
      on(readMark(line))
    },
  })
}

function readMark(line: string): Mark {
  const [word, first, second, third] = line.split(' ')
  const index = Number(first)
  switch (word) {
    case 'begin':
    case 'installed':
    case 'putback':
    case 'refused':
    case 'prove':
      return { word, index }
    case 'end':
    case 'before':
    case 'again':
      return { word, index, code: Number(second) }
    case 'tested':
      return { word, index, code: Number(second), on: third === 'copy' ? 'copy' : 'place' }
    case 'stopped':
      return { word }
    case 'done':
      return { word, code: index }
    case 'note':
      return { word, index, text: line.split(' ').slice(2).join(' ') }
    default:
      throw new Error(`a stage's log has an unknown mark: ${line}`)
  }
}
