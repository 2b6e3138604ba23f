import { stripVTControlCharacters } from 'node:util'

/**
 * The columns that `text` takes on a terminal; colours take none. Where terminals disagree (emoji sequences)
 * it is the larger number, so what is cut to a width never wraps. Source: Unicode TR11, East Asian Width.
 */
export function displayWidth(text: string): number {
  let width = 0
  for (const character of stripVTControlCharacters(text)) width += characterWidth(character)
  return width
}

/** `text` with spaces behind it, to `width` columns at least. */
export function padTo(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - displayWidth(text)))
}

/** `text`, which has no colours, cut to at most `width` columns; what was cut is marked by `…`. */
export function cutTo(text: string, width: number): string {
  if (displayWidth(text) <= width) return text
  let kept = ''
  let used = 0
  for (const character of text) {
    used += characterWidth(character)
    if (used > width - 1) break
    kept += character
  }
  return width > 0 ? `${kept}…` : ''
}

/**
 * `text` shortened in its middle to at most `width` columns: `template /etc/ng…/site.conf`. Its last path component
 * stays whole where there is room.
 */
export function shortenTo(text: string, width: number): string {
  const whole = displayWidth(text)
  if (whole <= width) return text
  if (width < 3) return cutTo(text, width)
  const lastPart = displayWidth(text.slice(Math.max(0, text.lastIndexOf('/'))))
  const most = width - 1 - Math.min(12, Math.floor((width - 1) / 3))
  const tail = lastPart < whole ? Math.min(lastPart, most) : Math.floor((width - 1) / 2)
  return `${startOf(text, width - 1 - tail)}…${endOf(text, tail)}`
}

/** A resource's label in at most `width` columns: what tells paths apart is their end, a list of packages its beginning. */
export function shortenLabel(label: string, width: number): string {
  return label.includes('/') ? shortenTo(label, width) : cutTo(label, width)
}

/** `text` in lines of at most `width` columns, broken at spaces; a word that is longer is broken inside. */
export function wrapTo(text: string, width: number): readonly string[] {
  if (displayWidth(text) <= width) return [text]
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/(?<=\s)(?=\S)/)) {
    if (line !== '' && displayWidth((line + word).trimEnd()) > width) {
      lines.push(line.trimEnd())
      line = ''
    }
    line += word
    while (displayWidth(line.trimEnd()) > width) {
      const part = startOf(line, Math.max(1, width)) || line.slice(0, 1)
      lines.push(part)
      line = line.slice(part.length)
    }
  }
  return line.trimEnd() === '' ? lines : [...lines, line.trimEnd()]
}

/** `text` in lines of at most `width` columns, with nothing added or left out. */
export function foldTo(text: string, width: number): readonly string[] {
  const lines: string[] = []
  for (let rest = text; ; ) {
    const part = displayWidth(rest) <= width ? rest : startOf(rest, Math.max(2, width))
    lines.push(part)
    rest = rest.slice(part.length)
    if (rest === '' || part === '') return lines
  }
}

function startOf(text: string, width: number): string {
  let used = 0
  let kept = ''
  for (const character of text) {
    used += characterWidth(character)
    if (used > width) break
    kept += character
  }
  return kept
}

function endOf(text: string, width: number): string {
  let used = 0
  let kept = ''
  for (const character of [...text].reverse()) {
    used += characterWidth(character)
    if (used > width) break
    kept = character + kept
  }
  return kept
}

function characterWidth(character: string): 0 | 1 | 2 {
  if (character <= '~') return 1
  if (/^[\p{Mn}\p{Me}\u200c\u200d]$/u.test(character) && character !== '\ufe0f') return 0
  return wide.test(character) ? 2 : 1
}

const wide =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{17000}-\u{18cff}\u{1b000}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}\p{Emoji_Presentation}]$/u
