/** Collects a stream's bytes up to a limit; beyond it keeps its head and its tail. */
export class Collector {
  readonly #limit: number
  #head: Buffer[] = []
  #headLength = 0
  #tail: Buffer[] = []
  #tailLength = 0
  #length = 0

  /** `limit`: bytes kept, half of it the head and half the tail when there are more. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Bytes seen, kept or not. */
  get length(): number {
    return this.#length
  }

  get overflowed(): boolean {
    return this.#length > this.#limit
  }

  readonly add = (bytes: Buffer): void => {
    this.#length += bytes.length
    const room = this.#limit / 2 - this.#headLength
    const head = bytes.subarray(0, Math.max(0, room))
    if (head.length > 0) {
      this.#head.push(head)
      this.#headLength += head.length
    }
    if (head.length === bytes.length) return
    this.#tail.push(bytes.subarray(head.length))
    this.#tailLength += bytes.length - head.length
    this.#dropFromTail()
  }

  /** All bytes; of an overflow the head, a line that says how much is left out, and the tail. */
  bytes(): Buffer {
    if (!this.overflowed) return Buffer.concat([...this.#head, ...this.#tail])
    const left = Buffer.from(`\n[… ${this.#length - this.#headLength - this.#tailLength} bytes left out …]\n`)
    return Buffer.concat([...this.#head, left, ...this.#tail])
  }

  #dropFromTail(): void {
    let first = this.#tail[0]
    while (first !== undefined && this.#tailLength > this.#limit / 2) {
      const excess = Math.min(first.length, this.#tailLength - this.#limit / 2)
      this.#tailLength -= excess
      if (excess === first.length) this.#tail.shift()
      else this.#tail[0] = Buffer.from(first.subarray(excess))
      first = this.#tail[0]
    }
  }
}
