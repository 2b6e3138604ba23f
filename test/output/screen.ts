/**
 * A terminal of `columns` × `rows` that obeys what a live view uses: carriage return, newline, cursor up,
 * erase line and display, colours (ignored). Lines wrap as in xterm: not until a character more comes.
 * Throws on any other escape, so that a printer that starts to use one is noticed.
 */
export class Screen {
  readonly isTTY = true
  readonly columns: number
  readonly rows: number
  writes = 0
  #lines: string[][] = [[]]
  #row = 0
  #column = 0

  constructor(columns: number, rows = 24) {
    this.columns = columns
    this.rows = rows
  }

  write(text: string): void {
    this.writes++
    for (const [token] of text.matchAll(/\x1b\[[0-?]*[@-~]|[\s\S]/gu)) this.#put(token)
  }

  /** All lines ever shown, scrolled off or not, without the empty space behind and below them. */
  lines(): readonly string[] {
    const text = this.#lines.map(line => line.join('').trimEnd()).join('\n')
    return text.trimEnd().split('\n')
  }

  #put(token: string): void {
    if (token === '\r') this.#column = 0
    else if (token === '\n') this.#newline()
    else if (token === '\x1b[2K') this.#lines[this.#row] = []
    else if (/^\x1b\[\d+A$/.test(token)) this.#up(Number.parseInt(token.slice(2), 10))
    else if (/^\x1b\[[\d;]*m$/.test(token)) return
    else if (token.startsWith('\x1b')) throw new Error(`unknown escape ${JSON.stringify(token)}`)
    else this.#character(token)
  }

  #newline(): void {
    this.#column = 0
    this.#row++
    this.#lines[this.#row] ??= []
  }

  #up(count: number): void {
    this.#row -= count
    if (this.#row < Math.max(0, this.#lines.length - this.rows)) throw new Error('cursor above the screen')
  }

  #character(character: string): void {
    if (this.#column >= this.columns) this.#newline()
    const line = this.#lines[this.#row] ?? []
    while (line.length < this.#column) line.push(' ')
    line[this.#column++] = character
    this.#lines[this.#row] = line
  }
}
