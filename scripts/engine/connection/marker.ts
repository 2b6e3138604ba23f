/** A marker that a stream is expected to have: what is called with the bytes before it, and with the rest of its line. */
export interface Expectation {
  readonly marker: Buffer
  readonly onData: (bytes: Buffer) => void
  readonly onMarker: (rest: string) => void
}

/**
 * Cuts a byte stream at expected markers, in order: how all output of shells and logs of ours is split. Bytes that may be
 * the beginning of a marker are held back; all others are handed on at once and unchanged.
 */
export class MarkerReader {
  readonly #expected: Expectation[] = []
  #held: Buffer = Buffer.alloc(0)
  #line: Buffer | undefined

  expect(expectation: Expectation): void {
    this.#expected.push(expectation)
  }

  /** Gives the bytes that come after the last marker that is expected. */
  push(chunk: Buffer): Buffer | undefined {
    let bytes: Buffer = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    this.#held = Buffer.alloc(0)
    for (let first = this.#expected[0]; first !== undefined; first = this.#expected[0]) {
      const rest = this.#line === undefined ? this.#readBody(first, bytes) : this.#readLine(first, bytes)
      if (rest === undefined) return undefined
      bytes = rest
    }
    return bytes.length === 0 ? undefined : bytes
  }

  #readBody(first: Expectation, bytes: Buffer): Buffer | undefined {
    const at = bytes.indexOf(first.marker)
    if (at === -1) {
      const body = bytes.length - beginningOf(first.marker, bytes)
      if (body > 0) first.onData(bytes.subarray(0, body))
      this.#held = bytes.subarray(body)
      return undefined
    }
    if (at > 0) first.onData(bytes.subarray(0, at))
    this.#line = Buffer.alloc(0)
    return bytes.subarray(at + first.marker.length)
  }

  #readLine(first: Expectation, bytes: Buffer): Buffer | undefined {
    const newline = bytes.indexOf(0x0a)
    this.#line = Buffer.concat([this.#line ?? bytes, newline === -1 ? bytes : bytes.subarray(0, newline)])
    if (newline === -1) return undefined
    const line = this.#line.toString('latin1')
    this.#line = undefined
    this.#expected.shift()
    first.onMarker(line)
    return bytes.subarray(newline + 1)
  }
}

/** How many bytes at the end of `bytes` could be the beginning of `marker`. */
function beginningOf(marker: Buffer, bytes: Buffer): number {
  for (let length = Math.min(marker.length - 1, bytes.length); length > 0; length--)
    if (bytes.subarray(bytes.length - length).equals(marker.subarray(0, length))) return length
  return 0
}

/** Cuts a stream at each occurrence of one marker; `onData` and `onMarker` as in Expectation. */
export function cutAt(expectation: Expectation): (chunk: Buffer) => void {
  const reader = new MarkerReader()
  const next = () =>
    reader.expect({
      ...expectation,
      onMarker(rest) {
        expectation.onMarker(rest)
        next()
      },
    })
  next()
  return chunk => void reader.push(chunk)
}
