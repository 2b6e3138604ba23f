import { statuses } from './data.js'
import { count, el, fillLazily, section } from './dom.js'
import { kindOf, line } from './row.js'

const orders = {
  'failures first': (a, b) => a.rank - b.rank || a.at - b.at,
  'slowest first': (a, b) => b.took - a.took,
  'by time': (a, b) => a.at - b.at,
}

/** The list of all resources and steps, with its filters. `showHost` shows all of a host. */
export function resources({ rows, hosts }) {
  const counts = new Map()
  for (const { status } of rows) counts.set(status, (counts.get(status) ?? 0) + 1)
  const present = statuses.filter(status => counts.has(status))
  const names = hosts.map(({ name }) => name)
  const roles = [...new Set(rows.map(row => row.role))].filter(Boolean)

  const onchange = () => show()
  const text = el('input', { type: 'search', id: 'text', autocomplete: 'off', oninput: onchange })
  const host = select('host', ['all hosts', ...names], onchange)
  const role = select('role', ['all roles', ...roles], onchange)
  const order = select('order', Object.keys(orders), onchange)
  const boxes = present.map(value => el('input', { type: 'checkbox', value, onchange }))
  const found = el('p', { class: 'found', role: 'status' })
  const list = el('ol', { class: 'rows' })
  const made = section('resources', 'Resources and steps', filters(), found, list)
  let stop = () => {}

  // What is as declared would hide the rest.
  const others = boxes.filter(({ value }) => value !== 'ok' && value !== 'skipped')
  for (const box of others.length > 0 ? others : boxes) box.checked = true
  show()

  function filters() {
    return el(
      'form',
      { role: 'search', 'aria-label': 'Resources and steps', onsubmit: event => event.preventDefault() },
      field('Text', text),
      field('Host', host),
      field('Role', role),
      field('Order', order),
      el('fieldset', {}, el('legend', {}, 'Status'), boxes.map(labelled)),
    )
  }

  function labelled(box) {
    const { value } = box
    const number = counts.get(value).toLocaleString('en')
    return el('label', { class: 'box' }, box, el('span', { class: `status ${kindOf(value)}` }, value), number)
  }

  function show() {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean)
    const wanted = new Set(boxes.filter(box => box.checked).map(box => box.value))
    const kept = rows.filter(
      row =>
        wanted.has(row.status) &&
        (host.selectedIndex === 0 || row.host === host.value) &&
        (role.selectedIndex === 0 || row.role === role.value) &&
        (words.length === 0 || hasAll(row, words)),
    )
    kept.sort(orders[order.value])
    const all = rows.length.toLocaleString('en')
    found.textContent = `${count(kept.length, 'entry', 'entries')} of ${all}`
    stop()
    stop = fillLazily(list, kept, 100, line, true)
  }

  function showHost(name) {
    host.value = name
    role.selectedIndex = 0
    text.value = ''
    for (const box of boxes) box.checked = true
    show()
    made.scrollIntoView()
    host.focus({ preventScroll: true })
  }

  return { section: made, showHost }
}

function hasAll(row, words) {
  const { host, role, resource, where, why = '', detail } = row
  row.text ||= `${host}\n${role}\n${resource}\n${where}\n${why}\n${detail?.summary ?? ''}`.toLowerCase()
  return words.every(word => row.text.includes(word))
}

function select(id, values, onchange) {
  const options = values.map(value => el('option', { value }, value))
  return el('select', { id, onchange }, options)
}

function field(name, control) {
  return el('div', { class: 'field' }, el('label', { for: control.id }, name), control)
}
