import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { plan } from '#engine/converge/plan.ts'
import { convergeScript } from '#engine/converge/stage.ts'
import { type Mark, markReader } from '#engine/host/marks.ts'
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
  site: { app: 'foobar', domain: 'foobar.com' },
})

describe('the script of a stage', () => {
  it.each(['dash', 'bash --posix'])('has no word that %s objects to', shell => {
    const [command = '', ...words] = shell.split(' ')
    const { status, stderr } = spawnSync(command, [...words, '-n'], { input: script, timeout: 10_000 })
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

  it('writes down which site the host is set up for before it changes anything', () => {
    expect(script).toContain("SITE='foobar foobar.com'\n")
    expect(script.lastIndexOf('\nremember_site\n')).toBeLessThan(script.lastIndexOf('\nrun 0\n'))
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
