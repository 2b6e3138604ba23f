import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { buildCatalog } from '#engine/converge/catalog.ts'
import { declarations } from '#engine/converge/declarations.ts'
import { plan } from '#engine/converge/plan.ts'
import { compared } from '#engine/converge/probe.ts'
import { convergeScript } from '#engine/converge/stage.ts'
import { type Mark, markReader } from '#engine/host/marks.ts'
import { known } from '#engine/resources/resource.ts'
import { catalogOf, probedOn } from './declared.ts'

// What a stage does is proved on a real host (test/sandbox); here, that its script is one a shell takes as it is.
const catalog = catalogOf({
  web: ({ set, configSet, handler }) => {
    const reload = handler("reload 'it'; $(id)", 'true')
    set('a', '1', { notify: reload })
    configSet('config', { root: '/etc/x', test: 'x -t', notify: reload }, () => {
      set('/etc/x/a', '1')
      set('/etc/x/b', '1')
    })
  },
})
const { stage } = plan(catalog, probedOn(catalog, {}), new Set(), new Set())
const run = { runId: 'r', who: 'ann@laptop', url: undefined }
const script = convergeScript(stage, {
  id: '1',
  nonce: 'abcdef',
  run,
  sites: [{ app: 'foobar', domain: 'foobar.com' }],
})

describe('the script of a stage', () => {
  it.each(['dash', 'bash --posix'])('has no word that %s objects to', shell => {
    const [command = '', ...args] = shell.split(' ')
    const { status, stderr } = spawnSync(command, [...args, '-n'], { input: script, timeout: 10_000 })
    expect([status, stderr.toString()]).toEqual([0, ''])
  })

  it('calls what differs in order: steps, sets as one, handlers by a name of hex digits', () => {
    const key = Buffer.from("web/reload 'it'; $(id)").toString('hex')
    expect(
      script.split('\n').filter(line => /^(run|set_pending|transaction|handle|finish) [^{]*$/.test(line)),
    ).toEqual([
      'run 1',
      'run 2',
      `set_pending ${key}`,
      'run 0',
      `transaction 1 /etc/x ${key}`,
      `handle 3 ${key}`,
      'finish 0',
    ])
  })

  it('writes down which sites the host is set up for before it changes anything', () => {
    expect(script).toContain("SITES='foobar foobar.com'\n")
    expect(script.lastIndexOf('\nremember_sites\n')).toBeLessThan(script.lastIndexOf('\nrun 0\n'))
  })

  it('prints marks that its reader knows, whatever steps print', () => {
    const nonce = randomBytes(8).toString('hex')
    const marks: Mark[] = []
    const runner = script.slice(0, script.indexOf('step_0()')).replaceAll('abcdef', nonce)
    const said = spawnSync('dash', {
      input: `${runner}\nPENDING=/nonexistent SESSION=/nonexistent/s LEFTOVERS=/nonexistent/l STOP=/nonexistent/p
step_0() { printf 'no newline'; }
step_1() { printf '\\n%s\\n' "$NONCE"; false; echo never; }
run 0; run 1; echo never\n`,
      timeout: 10_000,
    })
    markReader(nonce, mark => marks.push(mark))(said.stdout)
    expect(marks).toEqual([
      { word: 'begin', index: 0 },
      { word: 'text', text: 'no newline' },
      { word: 'end', index: 0, code: 0 },
      { word: 'begin', index: 1 },
      { word: 'text', text: `\n${nonce}\n` },
      { word: 'end', index: 1, code: 1 },
      { word: 'done', code: 1 },
    ])
  })
})

describe('neighbouring changes of files', () => {
  const directory = mkdtempSync(join(tmpdir(), 'capstan-stage-'))
  afterAll(() => rmSync(directory, { recursive: true }))
  const [owner = '', group = ''] = execFileSync('sh', ['-c', 'id -un; id -gn']).toString().split('\n')
  const absent = {
    type: 'absent',
    mode: '',
    owner: '',
    group: '',
    sha256: '',
    target: '',
    content: undefined,
  }

  // Nothing is there, but for what is to go.
  const foundOf = (wanted: unknown) =>
    (wanted as { type: string }).type === 'absent' ? { ...absent, type: 'directory' } : absent

  /** Runs the stage of what is declared by this machine's dash, with Capstan's directories in one of the test. */
  function ran(declareAll: (nouns: ReturnType<typeof declarations>, at: string) => void, before = '') {
    const at = mkdtempSync(join(directory, 'run-'))
    for (const name of ['state/pending', 'run', 'state/runs/1'])
      mkdirSync(join(at, name), { recursive: true })
    const files = buildCatalog()
    declareAll(declarations(files.role('web'), { directory }), at)
    const probed = files.resources.map(resource => compared(resource, known(foundOf(resource.wanted))))
    const planned = plan(files, probed, new Set(), new Set())
    const text = convergeScript(planned.stage, {
      id: '1',
      nonce: 'abcdef',
      run,
      sites: [{ app: 'a', domain: 'b' }],
    })
    const local = text.replaceAll('/var/lib/capstan', `${at}/state`).replaceAll('/run/capstan', `${at}/run`)
    writeFileSync(join(at, 'script'), local)
    execFileSync('sh', ['-c', before || ':'], { cwd: at })
    const said = spawnSync('dash', [join(at, 'script')], { timeout: 20_000 })
    const marks: Mark[] = []
    markReader('abcdef', mark => marks.push(mark))(said.stdout)
    return { at, text, marks: marks.filter(mark => mark.word !== 'text'), stderr: said.stderr.toString() }
  }
  const ends = (marks: readonly Mark[]) =>
    marks.flatMap(mark => (mark.word === 'end' ? [[mark.index, mark.code]] : []))

  it('are made by one process, in order, each marked as the step that it is', () => {
    const odd = `it's $(id)\n é`
    const { at, text, marks, stderr } = ran(({ directory: folder, file, handler, link }, here) => {
      const own = { owner, group }
      const told = handler('told', `echo told >${here}/told`)
      folder(`${here}/a`, { ...own, mode: '0750' })
      file(`${here}/a/${odd}`, { ...own, content: Buffer.from([0, 255, 10]), mode: '0604' })
      file(`${here}/a/empty`, own)
      link(`${here}/a/link`, odd)
      file.absent(`${here}/gone`)
      file(`${here}/a/last`, { ...own, content: 'x'.repeat(100_000), notify: told })
      file(`${here}/a/after`, { ...own, content: 'y', notify: told })
    }, 'mkdir -p gone/deep; touch gone/deep/file')
    expect(stderr).toBe('')
    expect(text.match(/\| many$/gm)).toHaveLength(2)
    expect(ends(marks)).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map(index => [index, 0]))
    expect(readFileSync(join(at, 'a', odd))).toEqual(Buffer.from([0, 255, 10]))
    expect(statSync(join(at, 'a', odd)).mode & 0o7777).toBe(0o604)
    expect(statSync(join(at, 'a')).mode & 0o7777).toBe(0o750)
    expect(readlinkSync(join(at, 'a/link'))).toBe(odd)
    expect(readFileSync(join(at, 'a/last'), 'utf8')).toHaveLength(100_000)
    expect(readdirSync(join(at, 'a')).sort()).toEqual(['after', 'empty', odd, 'last', 'link'].sort())
    expect(existsSync(join(at, 'gone'))).toBe(false)
    expect(readFileSync(join(at, 'told'), 'utf8')).toBe('told\n')
  })

  it.each([1, 5])('end with the first that fails, after %i that are made', before => {
    const { at, marks, stderr } = ran(({ file }, here) => {
      for (let index = 0; index < before; index++) file(`${here}/a${index}`, { content: 'a', owner, group })
      file(`${here}/none/b`, { content: 'b', owner, group })
      for (const name of ['c', 'd']) file(`${here}/${name}`, { content: 'c', owner, group })
    })
    const made = Array.from({ length: before }, (_, index) => index)
    expect(ends(marks)).toEqual([...made.map(index => [index, 0]), [before, 1]])
    expect(marks.at(-1)).toEqual({ word: 'done', code: 1 })
    expect(stderr).toContain('none/b: its directory does not exist: declare it before\n')
    expect(readdirSync(at).sort()).toEqual([...made.map(index => `a${index}`), 'run', 'state'])
  })

  it('end before the next one where the run is asked to stop', () => {
    const { at, marks } = ran(({ file }, here) => {
      file(`${here}/state/runs/1/stop`, { content: '', owner, group })
      for (const name of ['b', 'c', 'd', 'e']) file(`${here}/${name}`, { content: 'b', owner, group })
    })
    expect(marks.slice(-2)).toEqual([{ word: 'stopped' }, { word: 'done', code: 0 }])
    expect(ends(marks)).toEqual([[0, 0]])
    expect(readdirSync(at).sort()).toEqual(['run', 'state'])
  })

  it('leave a kind alone that does more than change its file, and a large one alone in its process', () => {
    const { text } = ran(({ file, unit }, here) => {
      unit('a.service', { content: 'a' })
      unit('b.service', { content: 'b' })
      for (const name of ['c', 'd', 'e'])
        file(`${here}/${name}`, { content: 'x'.repeat(2_000_000), owner, group })
    }, 'mkdir -p state/runs/1; touch state/runs/1/stop')
    expect(text.match(/^run \d$/gm)).toEqual(['run 0', 'run 1', 'run 4'])
    expect(text.match(/\| many$/gm)).toHaveLength(1)
  })
})
