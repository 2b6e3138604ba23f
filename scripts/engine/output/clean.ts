import { mask } from '#engine/secret.ts'

/**
 * What a host said, fit for a terminal or a log: secrets masked, colours and cursor movements taken out, any
 * other control or invisible character shown as `\x07` or `\u{202e}`. Newlines and tabs stay.
 */
export function clean(text: string): string {
  // Masked twice: as the host said it, and again where taking out an escape joined the halves of a secret.
  return mask(visible(withoutEscapes(mask(text))))
}

/** Like `clean`, but terminal escapes are shown too: in a diff they may be the one thing that differs. */
export function verbatim(text: string): string {
  return mask(visible(mask(text)))
}

/** `clean` for one cell of a line: newlines and tabs are shown as `\n` and `\t`. */
export function oneLine(text: string): string {
  return clean(text).replaceAll('\n', '\\n').replaceAll('\t', '\\t')
}

/** The lines of `clean`; a carriage return, as of a progress bar, ends a line too. No empty line at the end. */
export function cleanLines(text: string): readonly string[] {
  return clean(withoutEscapes(mask(text)).replace(/\r+\n?/g, '\n'))
    .trimEnd()
    .split('\n')
}

// CSI (colours, cursor) and OSC (titles, links), whole ones alone: node:util's stripVTControlCharacters also
// takes text that merely follows an escape, and so hides what was said. Source: ECMA-48, 5.4 and 8.3.89
const escapes = /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b\]|\x9d)[^\x00-\x1f\x7f-\x9f]*(?:\x07|\x1b\\|\x9c)/g

function withoutEscapes(text: string): string {
  return text.replace(escapes, '')
}

// C0 and C1 but for tab and newline, and what is invisible or turns the direction of text around.
const hidden =
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/gu

function visible(text: string): string {
  return text.replace(hidden, character => {
    const hex = (character.codePointAt(0) ?? 0).toString(16)
    return hex.length <= 2 ? `\\x${hex.padStart(2, '0')}` : `\\u{${hex}}`
  })
}
