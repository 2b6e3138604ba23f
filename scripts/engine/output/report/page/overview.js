import { count, el, fillLazily, section, time } from './dom.js'

/** What came of the run, in a line, and what it was. */
export function header({ title, outcome, runs, hosts, began, ms }) {
  const [first] = runs
  const facts = [
    first?.check && 'check: nothing is changed',
    count(hosts.length, 'host'),
    el('time', { datetime: began }, began.replace('T', ' ').replace(/:\d\d\.\d+Z$/, ' UTC')),
    time(ms),
  ]
  return el(
    'header',
    { class: outcome },
    el('a', { class: 'skip', href: '#resources' }, 'Skip to the resources'),
    el('h1', {}, title),
    el(
      'ul',
      { class: 'facts' },
      facts.filter(Boolean).map(fact => el('li', {}, fact)),
    ),
  )
}

/** Errors, before all else; `show` filters the list by a host. */
export function failures({ errors }, show) {
  if (errors.length === 0) return undefined
  const list = el('ul')
  const title = errors.length === 1 ? 'Failure' : `${errors.length} failures`
  const made = section('failures', title, list)
  fillLazily(list, errors, 25, ({ host, isUnreachable, code, message, lines, where, hint }) =>
    el(
      'li',
      { class: 'card failure' },
      el(
        'p',
        { class: 'what' },
        el('span', { class: 'status failed' }, isUnreachable ? 'unreachable' : 'failed'),
        host !== '' && el('button', { type: 'button', class: 'link', onclick: () => show(host) }, host),
        el('strong', {}, withoutHost(message, host)),
      ),
      where !== '' && el('p', { class: 'quiet' }, el('code', {}, where), ` · ${code}`),
      lines !== '' && el('pre', {}, lines),
      hint !== '' && el('p', { class: 'hint' }, el('strong', {}, 'Hint: '), hint),
    ),
  )
  return made
}

function withoutHost(message, host) {
  return message.startsWith(`${host}: `) ? message.slice(host.length + 2) : message
}

export function releases({ releases: all }) {
  if (all.length === 0) return undefined
  const cards = all.map(({ app, outcome, release, previous, url, rollback, commits }) =>
    el(
      'li',
      { class: 'card' },
      el(
        'p',
        { class: 'what' },
        el(
          'span',
          { class: `status ${outcome === 'failed' || outcome === 'back' ? 'failed' : 'done'}` },
          outcome,
        ),
        el('strong', {}, app),
        release !== '' && el('code', {}, release),
      ),
      previous !== '' && el('p', {}, 'before: ', el('code', {}, previous)),
      // A link to what is deployed is the one thing here that leads elsewhere, and it waits for a click.
      /^https?:/.test(url) && el('p', {}, el('a', { href: url, rel: 'noreferrer' }, url)),
      rollback !== '' && el('p', {}, 'roll back: ', el('code', {}, rollback)),
      commits.length > 0 &&
        el(
          'ul',
          { class: 'commits' },
          commits.map(([sha, subject]) => el('li', {}, el('code', {}, sha.slice(0, 7)), ` ${subject}`)),
        ),
    ),
  )
  return section('releases', cards.length === 1 ? 'Release' : 'Releases', el('ul', {}, cards))
}

export function warnings({ warnings: all, notes }) {
  const lines = [
    ...all.map(([host, message]) =>
      el(
        'li',
        {},
        el('span', { class: 'status warning' }, 'warning'),
        host !== '' && el('strong', {}, host),
        el('span', { class: 'lines' }, message),
      ),
    ),
    ...notes.map(note => el('li', {}, el('span', { class: 'lines' }, note))),
  ]
  return lines.length === 0 ? undefined : section('notes', 'Notes', el('ul', { class: 'plain' }, lines))
}
