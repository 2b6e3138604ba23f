import { diffTable } from './diff.js'
import { el, time } from './dom.js'

/** Statuses that look alike. */
export function kindOf(status) {
  if (status === 'unreachable' || status === 'incomplete') return 'failed'
  if (/^(would|may)/.test(status)) return 'changed'
  return status
}

/** A resource or step of the list; what else is known of it is made when it is opened. */
export function line(row) {
  const { status, host, role, resource, took, why = '', detail } = row
  const what = resource === '' ? '' : detail?.summary || why
  const cells = [
    el('span', { class: `status ${kindOf(status)}` }, status),
    el('span', { class: 'host' }, host),
    el('span', { class: 'role' }, role),
    el('span', { class: resource === '' ? 'resource message' : 'resource' }, resource || why),
    el('span', { class: 'change' }, what),
    el('span', { class: 'time' }, took >= 0 ? time(took) : ''),
  ]
  const isPlain = !detail && !row.printed && !row.where && why === ''
  if (isPlain) return el('li', {}, el('div', { class: 'row' }, cells))
  const inside = el('div', { class: 'inside', hidden: true })
  const button = el(
    'button',
    { type: 'button', class: 'row', 'aria-expanded': 'false', onclick: toggle },
    cells,
  )
  return el('li', {}, button, inside)

  function toggle() {
    if (inside.childElementCount === 0) inside.append(...insideOf(row))
    inside.hidden = !inside.hidden
    button.setAttribute('aria-expanded', String(!inside.hidden))
  }
}

function insideOf({ where, at, took, why, detail, printed, resource }) {
  const facts = [
    where && ['declared in', where],
    at >= 0 && ['at', `${time(at)} after the beginning${took >= 0 ? `, for ${time(took)}` : ''}`],
    why !== '' && resource !== '' && ['note', why],
  ].filter(Boolean)
  return [
    facts.length > 0 &&
      el(
        'dl',
        {},
        facts.map(([term, value]) => el('div', {}, el('dt', {}, term), el('dd', {}, value))),
      ),
    detail?.values.length > 0 && valueTable(detail.values),
    ...(detail?.diffs ?? []).map(text => diffTable(text, resource)),
    printed && el('h3', {}, 'Output'),
    printed && el('pre', {}, printed),
  ].filter(Boolean)
}

function valueTable(values) {
  return el(
    'table',
    { class: 'values' },
    el(
      'thead',
      {},
      el(
        'tr',
        {},
        ['', 'Found', 'Wanted'].map(title =>
          title === '' ? el('td', {}) : el('th', { scope: 'col' }, title),
        ),
      ),
    ),
    el(
      'tbody',
      {},
      values.map(([what, found, wanted]) =>
        el(
          'tr',
          {},
          el('th', { scope: 'row' }, what),
          el('td', {}, found || 'none'),
          el('td', {}, wanted || 'none'),
        ),
      ),
    ),
  )
}
