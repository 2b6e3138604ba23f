import type { AnnotationProperties } from '@actions/core'
import { cleanLines, oneLine } from '#engine/output/clean.ts'
import { read } from '#engine/output/errors.ts'

export interface Annotation {
  readonly message: string
  readonly properties: AnnotationProperties
}

/**
 * An error as annotations: one where it is in the user's files (`roles/nginx/role.ts:21`), or one for each of its
 * lines that begins with such a place, as the problems of an inventory do. Ten at most: the runner takes no more.
 */
export function annotationsOf(error: unknown, host?: string): readonly Annotation[] {
  const { message, where, lines, hint } = read(error)
  const title = oneLine(
    host === undefined || message.startsWith(`${host}: `) ? message : `${host}: ${message}`,
  )
  const placed = lines.flatMap(line => {
    const place = placeOf(line.trim())
    return place?.rest === undefined || place.rest === '' ? [] : [{ ...place, rest: place.rest }]
  })
  if (placed.length > 0)
    return placed.slice(0, 10).map(({ file, line, rest }) => ({
      message: cleanLines([rest, hint ?? ''].join('\n'))
        .join('\n')
        .trim(),
      properties: { title, file, ...(line === undefined ? {} : { startLine: line }) },
    }))
  const place = where === undefined ? undefined : placeOf(where)
  const said = [...lines.slice(-12), ...(hint === undefined ? [] : [hint])].join('\n')
  return [
    {
      message: said === '' ? title : cleanLines(said).join('\n'),
      properties: {
        title,
        ...(place === undefined ? {} : { file: place.file }),
        ...(place?.line === undefined ? {} : { startLine: place.line }),
      },
    },
  ]
}

interface Place {
  readonly file: string
  readonly line: number | undefined
  readonly rest: string | undefined
}

// A file of the project, as errors name it: below one of its folders, never an absolute path of some host.
function placeOf(text: string): Place | undefined {
  const found = /^((?:roles|inventory|scripts|\.env)(?:\/[\w.@-]+)*)(?::(\d+))?(?:: (.*))?$/s.exec(text)
  if (!found?.[1]) return undefined
  return { file: found[1], line: found[2] === undefined ? undefined : Number(found[2]), rest: found[3] }
}
