// The pages as { status, headers, body }.

const { readdirSync } = require('node:fs')
const { join } = require('node:path')

const assets = readdirSync(join(__dirname, '../public/assets'))

const policy = "default-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'self'"

function page(greeting, release) {
  const text = greeting?.text ?? 'The table of greetings is empty.'
  const source = greeting
    ? `<footer>a row of MySQL, written <time>${escaped(greeting.written)}</time> UTC</footer>`
    : ''
  const foot = `<ol class="way" aria-label="The way of this page">
      <li>browser</li>
      <li>nginx</li>
      <li>Node</li>
      <li>MySQL</li>
    </ol>
    <p class="release">release <code>${escaped(release)}</code></p>`
  return html(200, 'It is live', text, source, foot)
}

function notFound() {
  return html(404, 'Not found', 'There is no page at this address.')
}

function unavailable() {
  const answer = html(503, 'Back in a moment', 'The database does not answer.')
  return { ...answer, headers: { ...answer.headers, 'Retry-After': '30' } }
}

/** What a deploy asks before it switches: 200 with the release, once the app can do its work. */
function health(greeting, release) {
  return {
    status: greeting ? 200 : 503,
    headers: { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' },
    body: greeting ? `ok ${release}\n` : `no database ${release}\n`,
  }
}

// `text` is escaped here; `source` and `foot` are HTML.
function html(status, title, text, source = '', foot = '<p><a href="/">To the first page</a></p>') {
  const headers = {
    'Content-Type': 'text/html; charset=utf-8',
    'Cache-Control': 'no-cache',
    'Content-Security-Policy': policy,
  }
  const body = `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>${escaped(title)}</title>
  <link rel="icon" href="${asset('logo.svg')}" type="image/svg+xml">
  <link rel="stylesheet" href="${asset('site.css')}">
</head>
<body>
  <main>
    <img src="${asset('logo.svg')}" alt="" width="72" height="72">
    <h1>${escaped(title)}</h1>
    <blockquote>
      <p>${escaped(text)}</p>
      ${source}
    </blockquote>
    ${foot}
  </main>
</body>
</html>
`
  return { status, headers, body }
}

function escaped(text) {
  return String(text).replace(/[&<>"']/g, sign => `&#${sign.charCodeAt(0)};`)
}

/** The address of a file of public/assets: `site.css` → `/assets/site.1f2e3d4c.css`, whose content never changes. */
function asset(name) {
  const [stem, ending] = name.split('.')
  return `/assets/${assets.find(file => file.startsWith(`${stem}.`) && file.endsWith(`.${ending}`)) ?? name}`
}

module.exports = { health, notFound, page, unavailable }
