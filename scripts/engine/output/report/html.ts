import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { verbatim } from '../clean.ts'

/**
 * The page with its data, in one file that loads nothing: its policy allows this script and this style, by their
 * hashes, and nothing else.
 */
export function reportHtml(title: string, json: string): string {
  const style = text('style.css')
  const script = scripts.map(name => asPart(text(name))).join('\n')
  const policy = [
    "default-src 'none'",
    `script-src ${hash(script)}`,
    `style-src ${hash(style)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${escaped(verbatim(title))}</title>
<style>${style}</style>
</head>
<body>
<noscript><p>${escaped(verbatim(title))}</p><p>The details of this report need JavaScript.</p></noscript>
<script type="application/json" id="data">${json}</script>
<script type="module">${script}</script>
</body>
</html>
`
}

// In the order of their use, the last one begins.
const scripts = ['dom.js', 'data.js', 'diff.js', 'overview.js', 'hosts.js', 'row.js', 'list.js', 'main.js']

function text(name: string): string {
  return readFileSync(join(import.meta.dirname, 'page', name), 'utf8')
}

/** A module of the page as a part of its one script, in which all names are global. */
function asPart(module: string): string {
  return module.replaceAll(/^import [\s\S]*? from '.*'\n/gm, '').replaceAll(/^export /gm, '')
}

function hash(content: string): string {
  return `'sha256-${createHash('sha256').update(content).digest('base64')}'`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
