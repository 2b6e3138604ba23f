import { count, el, fillLazily, section, time } from './dom.js'

const order = ['failed', 'unreachable', 'not ended', 'changed', 'ok']
const colours = 8

/** A line for each host, those that failed first: what it did from when to when. `show` filters the list by a host. */
export function timeline({ hosts, ms }, show) {
  const labels = labelsOf(hosts)
  const end = Math.max(1, ms, ...hosts.flatMap(({ spans }) => spans.map(({ from, took }) => from + took)))
  const colourOf = new Map(labels.map((label, index) => [label, index % colours]))
  const sorted = [...hosts].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state))
  const list = el('ul', { class: 'hosts' })
  const shown = labels.slice(0, 12)
  const made = section(
    'hosts',
    'Hosts',
    el(
      'ul',
      { class: 'legend', 'aria-label': 'Colours of the timeline' },
      shown.map(label => el('li', {}, el('span', { class: `swatch c${colourOf.get(label)}` }), label)),
      labels.length > shown.length && el('li', {}, `and ${labels.length - shown.length} more`),
    ),
    el(
      'div',
      { class: 'scale', 'aria-hidden': 'true' },
      [0, 0.25, 0.5, 0.75, 1].map(part => el('span', {}, time(end * part))),
    ),
    list,
  )
  fillLazily(list, sorted, 25, host => hostLine(host, end, colourOf, show))
  return made
}

/** What took the longest in all comes first. */
function labelsOf(hosts) {
  const sums = new Map()
  for (const { spans } of hosts)
    for (const { label, took } of spans) sums.set(label, (sums.get(label) ?? 0) + took)
  return [...sums].sort((a, b) => b[1] - a[1]).map(([label]) => label)
}

function hostLine(host, end, colourOf, show) {
  const { name, state, spans, doing } = host
  const bar = el(
    'span',
    {
      class: 'bar',
      role: 'img',
      'aria-label': spans.map(({ label, took }) => `${label} ${time(took)}`).join(', ') || 'nothing',
    },
    spans.map(({ label, from, took, isFailed }) =>
      el('span', {
        class: `span c${colourOf.get(label)}${isFailed ? ' failed' : ''}`,
        title: `${label}  ${time(took)}`,
        style: { left: `${(100 * from) / end}%`, width: `${(100 * took) / end}%` },
      }),
    ),
  )
  const details = el(
    'details',
    {
      ontoggle: () =>
        details.open && details.childElementCount === 1 && details.append(hostDetails(host, show)),
    },
    el(
      'summary',
      {},
      el('span', { class: 'name' }, name),
      el('span', { class: `status ${state.replace(' ', '-')}` }, state),
      el('span', { class: 'counts' }, doing === '' ? countsOf(host) : doing),
      bar,
    ),
  )
  return el('li', {}, details)
}

function countsOf({ ok, changed, failed, ms }) {
  const parts = [changed > 0 && `${changed} changed`, failed > 0 && `${failed} failed`, `${ok} ok`, time(ms)]
  return parts.filter(Boolean).join(' · ')
}

function hostDetails({ name, spans, facts, trips, skipped }, show) {
  const rows = [
    ...facts,
    ['round trips', String(trips)],
    ...(skipped > 0 ? [['skipped', String(skipped)]] : []),
  ]
  return el(
    'div',
    { class: 'inside' },
    el(
      'dl',
      {},
      rows.map(([term, value]) => el('div', {}, el('dt', {}, term), el('dd', {}, value))),
    ),
    el(
      'ol',
      { class: 'spans' },
      spans.map(({ label, from, took, isFailed }) =>
        el('li', {}, `${label}${isFailed ? ' (failed)' : ''}: ${time(took)}, from ${time(from)} on`),
      ),
    ),
    el('button', { type: 'button', onclick: () => show(name) }, `Show the resources of ${name}`),
  )
}

/** `3 hosts: 1 failed, 2 ok`. */
export function hostsSummary(hosts) {
  const counts = order.map(state => [hosts.filter(host => host.state === state).length, state])
  return `${count(hosts.length, 'host')}: ${counts
    .filter(([number]) => number > 0)
    .map(([number, state]) => `${number} ${state}`)
    .join(', ')}`
}
