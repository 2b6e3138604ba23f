import { oneLine } from '#engine/output/clean.ts'
import { displayWidth, padTo } from '#engine/output/width.ts'

/** Rows as lines with aligned columns, two spaces apart; control characters of a cell are shown as text. */
export function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const clean = rows.map(row => row.map(oneLine))
  const widths =
    clean[0]?.map((_cell, column) => Math.max(...clean.map(row => displayWidth(row[column] ?? '')))) ?? []
  return clean.map(row =>
    row
      .map((cell, column) => padTo(cell, widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
