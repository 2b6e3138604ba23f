import { randomBytes } from 'node:crypto'

/**
 * A here-document that feeds `content` (any bytes) to a command's stdin: `here('perl -e …', content)`. Whole lines of
 * ASCII go as they are, all else by way of base64.
 */
export function here(command: string, content: Buffer | string): string {
  const end = endMark()
  const text = Buffer.from(content).toString('latin1')
  const isPlain = !/[^\t\n\x20-\x7e]/.test(text) && (text === '' || text.endsWith('\n'))
  if (isPlain) return `${command} <<'${end}'\n${text}${end}\n`
  return `base64 -d <<'${end}' | ${command}\n${base64(content)}${end}\n`
}

/** The same in base64, for a command that decodes it itself. */
export function hereInBase64(command: string, content: Buffer | string): string {
  const end = endMark()
  return `${command} <<'${end}'\n${base64(content)}${end}\n`
}

function endMark(): string {
  return `END_${randomBytes(8).toString('hex')}`
}

function base64(content: Buffer | string): string {
  return Buffer.from(content)
    .toString('base64')
    .replace(/.{1,76}/g, '$&\n')
}

/** Fields that a probe printed, each ended by NUL. */
export function fields(output: Buffer): readonly string[] {
  const text = output.toString('utf8')
  return text === '' ? [] : text.split('\0').slice(0, -1)
}
