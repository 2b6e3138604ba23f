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

function characterWidth(character: string): 0 | 1 | 2 {
  if (character <= '~') return 1
  if (/^[\p{Mn}\p{Me}\u200c\u200d]$/u.test(character) && character !== '\ufe0f') return 0
  return wide.test(character) ? 2 : 1
}

const wide =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{17000}-\u{18cff}\u{1b000}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}\p{Emoji_Presentation}]$/u
