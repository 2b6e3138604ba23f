import { el } from './dom.js'

/** A unified diff as a table: what was found at the left, what is wanted at the right. On a phone one is below the other. */
export function diffTable(text, resource) {
  const rows = pairs(text)
  if (rows.every(row => row.note !== undefined)) return el('p', { class: 'note' }, text)
  return el(
    'table',
    { class: 'diff' },
    el('caption', { class: 'hidden' }, `Differences of ${resource}`),
    el(
      'thead',
      {},
      el(
        'tr',
        {},
        el('th', { scope: 'col', class: 'number' }, el('span', { class: 'hidden' }, 'Line found')),
        el('th', { scope: 'col' }, 'Found'),
        el('th', { scope: 'col', class: 'number' }, el('span', { class: 'hidden' }, 'Line wanted')),
        el('th', { scope: 'col' }, 'Wanted'),
      ),
    ),
    el('tbody', {}, rows.map(diffRow)),
  )
}

/**
 * The lines of a unified diff in pairs: `{before, after}`, each with its number and text, or undefined where the other
 * side has a line of its own. `{note}` is a line between: a place in the file, or what was left out.
 */
export function pairs(text) {
  const rows = []
  let numbers = [0, 0]
  let removed = []
  let added = []
  const flush = () => {
    for (let at = 0; at < Math.max(removed.length, added.length); at++)
      rows.push({ before: removed[at], after: added[at] })
    removed = []
    added = []
  }
  for (const line of text.split('\n')) {
    const place = /^@@ -(\d+)(?:,\d+)? \+(\d+)/.exec(line)
    const content = line.slice(1)
    if (line.startsWith('-')) removed.push({ number: numbers[0]++, text: content })
    else if (line.startsWith('+')) added.push({ number: numbers[1]++, text: content })
    else {
      flush()
      if (place) {
        numbers = [Number(place[1]), Number(place[2])]
        rows.push({ note: line })
      } else if (line.startsWith(' '))
        rows.push({
          before: { number: numbers[0]++, text: content },
          after: { number: numbers[1]++, text: content },
          isSame: true,
        })
      else rows.push({ note: line })
    }
  }
  flush()
  return rows
}

/** The parts of two lines: what both begin with, what differs, what both end with. */
export function parts(before, after) {
  let start = 0
  while (start < Math.min(before.length, after.length) && before[start] === after[start]) start++
  let end = 0
  const most = Math.min(before.length, after.length) - start
  while (end < most && before.at(-1 - end) === after.at(-1 - end)) end++
  const cut = line => [
    line.slice(0, start),
    line.slice(start, line.length - end),
    line.slice(line.length - end),
  ]
  return [cut(before), cut(after)]
}

function diffRow({ before, after, isSame, note }) {
  if (note !== undefined) return el('tr', { class: 'place' }, el('td', { colspan: 4 }, note))
  const [left, right] =
    before && after && !isSame ? parts(before.text, after.text) : [[before?.text], [after?.text]]
  const kind = isSame ? 'same' : undefined
  return el(
    'tr',
    { class: kind },
    ...cells(before, kind ?? (before ? 'removed' : 'none'), left, 'del'),
    ...cells(after, kind ?? (after ? 'added' : 'none'), right, 'ins'),
  )
}

function cells(line, kind, [start = '', middle = '', end = ''], mark) {
  if (line === undefined) return [el('td', { class: 'number none' }), el('td', { class: 'none' })]
  const sign = { removed: '−', added: '+' }[kind] ?? ' '
  return [
    el('td', { class: `number ${kind}` }, String(line.number)),
    el(
      'td',
      { class: kind },
      `${sign} `,
      start,
      middle !== '' && mark && kind !== 'same' ? el(mark, {}, middle) : middle,
      end,
    ),
  ]
}
