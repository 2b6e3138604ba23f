export const outcomes = ['ok', 'changed', 'failed', 'stopped']
export const statuses = [
  ...['failed', 'unreachable', 'incomplete', 'changed', 'would change', 'may change', 'would run'],
  ...['done', 'would do', 'skipped', 'ok'],
]
export const hostStates = ['ok', 'changed', 'failed', 'unreachable', 'not ended']
export const releaseOutcomes = ['live', 'already live', 'planned', 'back', 'failed']

/** What the engine wrote as tables and numbers (data.ts), as objects: hosts, rows, errors, releases. */
export function decode(data) {
  const { title, began, ms, warnings, notes } = data
  const { rows, ofHost } = rowsOf(data)
  return {
    ...{ title, began, ms, warnings, notes, rows, outcome: outcomes[data.outcome] },
    runs: data.runs.map(([command, inventory, check]) => ({ command, inventory, check: check === 1 })),
    hosts: data.hosts.map(host => {
      ofHost(host)
      return hostOf(host, data.texts)
    }),
    errors: data.errors.map(([host, isUnreachable, code, message, lines, where, hint]) => ({
      ...{ host, isUnreachable: isUnreachable === 1, code, message, lines, where, hint },
    })),
    releases: data.releases.map(([app, outcome, release, previous, url, rollback, commits]) => ({
      ...{ app, outcome: releaseOutcomes[outcome], release, previous, url, rollback, commits },
    })),
  }
}

function hostOf({ name, doing, state, counts, spans, facts }, texts) {
  const [ok, changed, failed, skipped, trips, ms] = counts
  return {
    ...{ name, doing, state: hostStates[state], ok, changed, failed, skipped, trips, ms },
    spans: groupsOf(spans, 4).map(([label, from, took, isFailed]) => ({
      ...{ label: texts[label], from, took, isFailed: isFailed === 1 },
    })),
    facts: facts.map(([fact, value]) => [texts[fact], texts[value]]),
  }
}

/** `rows` are all rows of the hosts that `ofHost` was given. */
function rowsOf({ texts, resources, details: written }) {
  const details = written.map(detail => detail && { summary: detail[0], values: detail[1], diffs: detail[2] })
  const rows = []

  // All rows have the same properties in the same order, which is fast where there are many.
  function add(host, index, rank, at, took, detail, why, printed) {
    const [role, resource, where] = resources[index]
    const status = statuses[rank]
    rows.push({ host, role, resource, where, status, rank, at, took, detail, why, printed, text: '' })
  }

  function ofHost({ name, rows: numbers, skipped, ok }) {
    for (let at = 0; at < numbers.length; at += 7) {
      const detail = details[numbers[at + 4]] || undefined
      const [why, printed] = [texts[numbers[at + 5]], texts[numbers[at + 6]]]
      add(name, numbers[at], numbers[at + 1], numbers[at + 2], numbers[at + 3], detail, why, printed)
    }
    for (const [why, ranges] of skipped)
      for (const index of numbersOf(ranges))
        add(name, index, statuses.indexOf('skipped'), -1, -1, undefined, texts[why], '')
    for (const index of numbersOf(ok)) add(name, index, statuses.indexOf('ok'), -1, -1, undefined, '', '')
  }

  return { rows, ofHost }
}

function groupsOf(numbers, size) {
  const groups = []
  for (let at = 0; at < numbers.length; at += size) groups.push(numbers.slice(at, at + size))
  return groups
}

/** `[4, 3, 9, 1]`, first and count in turn, as `[4, 5, 6, 9]`. */
function numbersOf(ranges) {
  return groupsOf(ranges, 2).flatMap(([first, count]) =>
    Array.from({ length: count }, (_, index) => first + index),
  )
}
