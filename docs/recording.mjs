#!/usr/bin/env node
// Records docs/recording.svg: `npx zx scripts/site.mjs` on a new sandbox host, twice, in a terminal of 96 columns.
//
//   node docs/recording.mjs record FOLDER    run the two commands under script(1), which writes FOLDER/log and FOLDER/times
//   node docs/recording.mjs draw FOLDER      draw docs/recording.svg from these
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

const root = join(import.meta.dirname, '..')
const [columns, rows] = [96, 22]
const cell = { width: 8.1, height: 19 }
const margin = { left: 18, top: 44, bottom: 40 }
// Seconds that a frame is shown at most, and that the last one is shown before the recording starts again.
const [longest, last] = [0.35, 7]
// The recording is cut into about so many frames of the same recorded time.
const parts = 75

// Codes of colours and weights by class, and what ends which.
const names = {
  1: 'bold',
  2: 'dim',
  31: 'red',
  32: 'green',
  33: 'yellow',
  34: 'blue',
  35: 'magenta',
  36: 'cyan',
  90: 'dim',
}
const ends = { 0: /.*/, 22: /bold|dim/g, 39: /red|green|yellow|blue|magenta|cyan|dim/g }
const colours = `
svg{--panel:#fff;--edge:#d1d9e0;--ink:#1f2328;--dim:#59636e;--red:#cf222e;--green:#116329;--yellow:#7d4e00;--blue:#0969da;--magenta:#8250df;--cyan:#1b7c83}
@media (prefers-color-scheme:dark){svg{--panel:#0d1117;--edge:#3d444d;--ink:#f0f6fc;--dim:#9198a1;--red:#ff7b72;--green:#3fb950;--yellow:#d29922;--blue:#58a6ff;--magenta:#bc8cff;--cyan:#39c5cf}}`

const [command, folder] = process.argv.slice(2)
if (folder === undefined || !['record', 'draw'].includes(command)) {
  console.error('Usage: node docs/recording.mjs record|draw FOLDER')
  process.exit(2)
}
if (command === 'record') record(folder)
else writeFileSync(join(root, 'docs/recording.svg'), svg(frames(chunks(folder))))

/** Runs the commands in a terminal of their own. Source: script(1), --log-out and --log-timing. */
function record(into) {
  mkdirSync(into, { recursive: true })
  const run = "printf '\\033[1m$ npx zx scripts/site.mjs\\033[0m\\n'; node scripts/site.mjs; echo; sleep 1; "
  const shell = `stty cols ${columns} rows ${rows}; ${run}${run}`
  const options = ['--quiet', '--return', '--log-out', join(into, 'log'), '--log-timing', join(into, 'times')]
  const env = { ...process.env, TERM: 'xterm-256color', CI: '' }
  const { status } = spawnSync('script', [...options, '--command', shell], {
    cwd: root,
    env,
    stdio: 'inherit',
  })
  process.exitCode = status ?? 1
}

/** What was printed, with the second at which it was: `[{ at: 0.2, text: '$ npx …' }]`. */
function chunks(from) {
  const log = readFileSync(join(from, 'log'))
  // The log has a line of script(1) itself before the output.
  let offset = log.indexOf('\n') + 1
  let at = 0
  return readFileSync(join(from, 'times'), 'utf8')
    .trim()
    .split('\n')
    .map(line => line.split(' ').map(Number))
    .map(([delay, size]) => {
      at += delay
      offset += size
      return { at, text: log.subarray(offset - size, offset).toString() }
    })
}

/** The screen after each step of the recording: `[{ at, lines }]`, a line being runs of `{ column, text, style }`. */
function frames(all) {
  const screen = newScreen()
  const found = []
  const step = (all.at(-1)?.at ?? 0) / parts
  for (const { at, text } of all) {
    screen.write(text)
    const previous = found.at(-1)
    const frame = { at, lines: screen.lines() }
    if (previous && at - previous.started < step)
      found[found.length - 1] = { ...frame, started: previous.started }
    else found.push({ ...frame, started: at })
  }
  return found.filter(({ lines }, n) => JSON.stringify(lines) !== JSON.stringify(found[n - 1]?.lines))
}

/** A terminal that obeys what the live view uses: return, newline, cursor up, erase line, colours. */
function newScreen() {
  const grid = [[]]
  let [row, column, style] = [0, 0, '']
  const put = token => {
    if (token === '\r') column = 0
    else if (token === '\n') [row, column] = [row + 1, 0]
    else if (token === '\x1b[2K') grid[row] = []
    else if (/^\x1b\[\d*A$/.test(token)) row -= Number.parseInt(token.slice(2), 10) || 1
    else if (/^\x1b\[[\d;]*m$/.test(token)) style = styled(style, token)
    else if (!token.startsWith('\x1b')) {
      if (column >= columns) [row, column] = [row + 1, 0]
      grid[row] ??= []
      grid[row][column++] = { character: token, style }
    }
    grid[row] ??= []
  }
  return {
    write: text => {
      for (const [token] of text.matchAll(/\x1b\[[0-?]*[@-~]|[\s\S]/gu)) put(token)
    },
    lines: () => grid.slice(Math.max(0, grid.length - rows)).map(runs),
  }
}

/** The classes of what follows an escape for colours. */
function styled(style, sequence) {
  let now = style
  for (const code of sequence.slice(2, -1).split(';').map(Number)) {
    if (names[code]) now = `${now} ${names[code]}`
    else if (ends[code]) now = now.replace(ends[code], '')
  }
  return now.trim().replaceAll(/ +/g, ' ')
}

/** A row of cells as runs of one style, without the space behind them. */
function runs(cells) {
  const all = []
  for (let column = 0; column < cells.length; column++) {
    const { character = ' ', style = '' } = cells[column] ?? {}
    const current = all.at(-1)
    if (current?.style === style) current.text += character
    else all.push({ column, text: character, style })
  }
  return all.filter(({ text }) => text.trim() !== '')
}

/** The frames as an animation. Each distinct line is drawn once; a reader who prefers less motion sees the last frame. */
function svg(all) {
  const size = {
    width: margin.left * 2 + columns * cell.width,
    height: margin.top + rows * cell.height + margin.bottom,
  }
  const durations = all.map(({ at }, n) =>
    n + 1 === all.length ? last : Math.min(longest, all[n + 1].at - at),
  )
  const total = durations.reduce((sum, one) => sum + one, 0)
  const ids = new Map()
  const idOf = line => {
    const text = drawn(line)
    if (!ids.has(text)) ids.set(text, `l${ids.size}`)
    return ids.get(text)
  }
  const strips = all.map(({ lines }, n) => {
    const uses = lines.flatMap((line, y) =>
      line.length > 0 ? [`<use href="#${idOf(line)}" y="${y * cell.height}"/>`] : [],
    )
    return `<g transform="translate(0 ${n * size.height})">${uses.join('')}</g>`
  })
  let passed = 0
  const keys = durations.map((one, n) => {
    const key = `${((passed / total) * 100).toFixed(3)}%{transform:translateY(${-n * size.height}px)}`
    passed += one
    return key
  })
  const end = -(all.length - 1) * size.height
  const seconds = Math.round(all.at(-1)?.at ?? 0)
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" role="img" aria-labelledby="title">
<title id="title">npx zx scripts/site.mjs, run twice: the first run sets up a new server, the second one changes nothing</title>
<style>${colours}
text{font:13.5px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:var(--ink);white-space:pre}
${['dim', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan'].map(name => `.${name}{fill:var(--${name})}`).join('')}.bold{font-weight:700}
.panel{fill:var(--panel);stroke:var(--edge)}.caption{font:12px system-ui,sans-serif;fill:var(--dim)}
.strip{transform:translateY(${end}px)}
@media (prefers-reduced-motion:no-preference){.strip{animation:play ${total.toFixed(2)}s step-end infinite}}
@keyframes play{${keys.join('')}}
</style>
<defs>${[...ids].map(([text, id]) => `<text id="${id}">${text}</text>`).join('\n')}
<clipPath id="window"><rect width="${size.width}" height="${rows * cell.height + 6}"/></clipPath></defs>
<rect class="panel" x=".5" y=".5" width="${size.width - 1}" height="${size.height - 1}" rx="9"/>
${['#ff5f57', '#febc2e', '#28c840'].map((fill, n) => `<circle cx="${20 + n * 18}" cy="20" r="5.5" fill="${fill}"/>`).join('')}
<g transform="translate(${margin.left} ${margin.top})" clip-path="url(#window)"><g transform="translate(0 14)"><g class="strip">
${strips.join('\n')}
</g></g></g>
<text class="caption" x="${margin.left}" y="${size.height - 16}">Recorded by docs/recording.mjs: ${seconds} s of real time, ${(seconds / total).toFixed(0)} times as fast.</text>
</svg>
`
}

function drawn(line) {
  return line
    .map(({ column, text, style }) => {
      const clean = stripVTControlCharacters(text).trimEnd()
      const escaped = clean.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
      return `<tspan x="${(column * cell.width).toFixed(1)}"${style === '' ? '' : ` class="${style}"`}>${escaped}</tspan>`
    })
    .join('')
}
