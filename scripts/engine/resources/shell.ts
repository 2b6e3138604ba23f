import { randomBytes } from 'node:crypto'

/** A here-document that feeds `text` (any bytes) to a command's stdin: `here('perl -e …', content)`. */
export function here(command: string, content: Buffer | string): string {
  const end = `END_${randomBytes(8).toString('hex')}`
  const lines = Buffer.from(content)
    .toString('base64')
    .replace(/.{1,76}/g, '$&\n')
  return `base64 -d <<'${end}' | ${command}\n${lines}${end}\n`
}

/** Fields that a probe printed, each ended by NUL. */
export function fields(output: Buffer): readonly string[] {
  const text = output.toString('utf8')
  return text === '' ? [] : text.split('\0').slice(0, -1)
}
