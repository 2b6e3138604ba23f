import { decode } from './data.js'
import { el } from './dom.js'
import { timeline } from './hosts.js'
import { resources } from './list.js'
import { failures, header, releases, warnings } from './overview.js'

const run = decode(JSON.parse(document.getElementById('data').textContent))
const list = resources(run)
document.body.append(
  header(run),
  el(
    'main',
    {},
    ...[
      failures(run, list.showHost),
      releases(run),
      timeline(run, list.showHost),
      list.section,
      warnings(run),
    ].filter(Boolean),
  ),
  el('footer', {}, 'Written by Capstan. Secrets are masked.'),
)
performance.mark('rendered')
