import { styleText } from 'node:util'
import type { Environment, OutputStream } from '#engine/output/printer.ts'

type Format = Parameters<typeof styleText>[0]

/** Text in a colour or weight, or the text as it is where the output takes no colours. */
export type Paint = (format: Format, text: string) => string

/**
 * Colours where `stream` is a terminal, or FORCE_COLOR asks for them; none where NO_COLOR is set.
 * FORCE_COLOR wins over NO_COLOR, as in Node. Source: no-color.org, Node's tty getColorDepth.
 */
export function paintFor(stream: Pick<OutputStream, 'isTTY'>, env: Environment): Paint {
  const forced = env['FORCE_COLOR']
  const wanted =
    forced === undefined
      ? Boolean(stream.isTTY) && !env['NO_COLOR'] && env['TERM'] !== 'dumb'
      : forced !== '0' && forced !== 'false'
  return wanted ? colours : noColours
}

export const noColours: Paint = (_format, text) => text

// The stream was judged above: styleText would look at process.stdout.
const colours: Paint = (format, text) =>
  text === '' ? '' : styleText(format, text, { validateStream: false })
