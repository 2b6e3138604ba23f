import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { declare, declaredCases } from '../sandbox/declared.ts'
import { type Machine, machine } from '../sandbox/machine.ts'
import { fileServer } from './file-server.ts'

const made = mkdtempSync(join(tmpdir(), 'capstan-sources-'))

/** A tar archive of what `fill` puts into a folder, the same bytes each time. */
function packed(fill: (folder: string) => void, mode = '') {
  const folder = mkdtempSync(join(made, 'tar-'))
  fill(folder)
  const same = [
    '--sort=name',
    '--mtime=@1700000000',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    ...(mode ? [`--mode=${mode}`] : []),
  ]
  const bytes = execFileSync('tar', ['-C', folder, ...same, '-czf', '-', '.'])
  return { base64: bytes.toString('base64'), sha256: createHash('sha256').update(bytes).digest('hex') }
}

const tool = (version: number) =>
  packed(folder => {
    mkdirSync(join(folder, 'tool/bin'), { recursive: true })
    writeFileSync(join(folder, 'tool/bin/tool'), `#!/bin/sh\necho tool ${version}\n`, { mode: 0o755 })
    writeFileSync(join(folder, `tool/it's $(id) ${version}`), 'odd\n')
    symlinkSync('bin/tool', join(folder, 'tool/link'))
  })
const [first, second] = [tool(1), tool(2)]
const leadsOut = packed(folder => symlinkSync('../../etc', join(folder, 'out')))
const setuid = packed(folder => writeFileSync(join(folder, 'su'), ''), 'u+s')

const repository = (() => {
  const at = join(made, 'repo')
  const environment = {
    PATH: process.env['PATH'] ?? '',
    HOME: made,
    GIT_COMMITTER_DATE: '1700000000 +0000',
    GIT_AUTHOR_DATE: '1700000000 +0000',
  }
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', at, '-c', 'user.name=Test', '-c', 'user.email=test@example.com', ...args], {
      env: environment,
    })
      .toString()
      .trim()
  mkdirSync(at)
  git('init', '-q')
  const commits = ['one', 'two'].map(text => {
    writeFileSync(join(at, 'file'), `${text}\n`)
    writeFileSync(join(at, 'run'), '#!/bin/sh\n', { mode: 0o755 })
    git('add', '.')
    git('commit', '-q', '-m', text)
    return git('rev-parse', 'HEAD')
  })
  return { commits, base64: execFileSync('tar', ['-C', at, '-czf', '-', '.git']).toString('base64') }
})()
rmSync(made, { recursive: true })

const at = 'http://127.0.0.1:8123'
const file = (name: string, base64: string) =>
  `base64 -d >/srv/http/${name} <<'END'\n${base64.replace(/.{76}/g, '$&\n')}\nEND\n`
const serve = `mkdir -p /srv/http; ${fileServer('/srv/http', 8123)}
${file('tool-1.tar.gz', first.base64)}${file('tool-2.tar.gz', second.base64)}${file('out.tar.gz', leadsOut.base64)}${file('setuid.tar.gz', setuid.base64)}
printf 'down\n' >/srv/http/down; mkdir -p /srv/repo; base64 -d <<'END' | tar -C /srv/repo -xz --no-same-owner
${repository.base64.replace(/.{76}/g, '$&\n')}
END`

const down = createHash('sha256').update('down\n').digest('hex')
const odd = `/srv/it's "odd" $(id) é`
const [one = '', two = ''] = repository.commits

declaredCases('sources', 13, {
  'files from elsewhere': {
    before: serve,
    declare: [
      ['apt', 'git'],
      ['directory', odd],
      [
        'download',
        `${odd}/-rf 日本`,
        { url: `${at}/down`, sha256: down, mode: '0750', owner: 'daemon', group: 'adm' },
      ],
    ],
    holds: `cd "$(cat <<'END'\n${odd}\nEND\n)"; [ "$(cat -- '-rf 日本')" = down ]; [ "$(stat -c %a:%U:%G -- '-rf 日本')" = 750:daemon:adm ]; [ "$(ls -A | wc -l)" = 1 ]`,
    byHand: `cd "$(cat <<'END'\n${odd}\nEND\n)"; echo more >>'-rf 日本'`,
    absent: [['file.absent', odd]],
    gone: `! [ -e "$(cat <<'END'\n${odd}\nEND\n)" ]`,
  },
  'an archive, unpacked': {
    declare: [
      [
        'archive',
        '/srv/to ol',
        { url: `${at}/tool-1.tar.gz`, sha256: first.sha256, strip: 2, owner: 'daemon' },
      ],
    ],
    holds: `[ "$('/srv/to ol/bin/tool')" = 'tool 1' ]; [ "$(readlink '/srv/to ol/link')" = bin/tool ]; [ "$(stat -c %a:%U:%G '/srv/to ol' '/srv/to ol/bin/tool' | tr '\\n' ' ')" = '755:daemon:daemon 755:daemon:daemon ' ]
      ls -A /srv | grep -q capstan && exit 1 || :`,
    byHand: "echo x >>'/srv/to ol/bin/tool'",
    absent: [['file.absent', '/srv/to ol']],
    gone: '! [ -e "/srv/to ol" ]',
  },
  'the files of a commit': {
    declare: [['git', '/srv/checkout', { repository: 'file:///srv/repo', commit: one, group: 'adm' }]],
    holds: `[ "$(cat /srv/checkout/file)" = one ]; [ -x /srv/checkout/run ]; ! [ -e /srv/checkout/.git ]; [ "$(stat -c %U:%G:%a /srv/checkout/file)" = root:adm:644 ]`,
    byHand: 'rm /srv/checkout/file',
    absent: [['file.absent', '/srv/checkout']],
  },
  'a folder of the role': {
    before:
      'mkdir -p /srv/tree/sub /srv/tree/old; echo x >/srv/tree/old/file; ln -sf x "/srv/tree/sub/a link"',
    declare: [['tree', '/srv/tree', 'files/tree', { prune: true, group: 'adm' }]],
    holds: `[ "$(cd /srv/tree && find . ! -type d | sort | tr '\\n' ' ')" = "./one.conf ./sub/deeper/bytes ./sub/it's odd ./sub/run " ]
      [ "$(stat -c %a:%G /srv/tree/sub/run /srv/tree/one.conf /srv/tree/sub | tr '\\n' ' ')" = '755:adm 644:adm 755:adm ' ]; [ "$(/srv/tree/sub/run)" = ran ]`,
    edited: 2,
    byHand: 'echo more >>/srv/tree/one.conf; mkdir /srv/tree/new; touch /srv/tree/new/file',
    absent: [['file.absent', '/srv/tree']],
    gone: '! [ -e /srv/tree ]',
  },
})

describe('sources', () => {
  let host: Machine
  beforeAll(async () => {
    host = await machine('sources12', 12)
    await host.say(serve)
    expect((await declare(host, [['apt', 'git']])).exitCode).toBe(0)
  }, 180_000)
  afterAll(() => host?.close())

  it('another archive or commit takes the place of the first as a whole, and what somebody had added goes', async () => {
    const calls = (version: 1 | 2) => [
      [
        'archive',
        '/srv/next',
        {
          url: `${at}/tool-${version}.tar.gz`,
          sha256: version === 1 ? first.sha256 : second.sha256,
          strip: 2,
        },
      ] as const,
      ['git', '/srv/commit', { repository: 'file:///srv/repo', commit: version === 1 ? one : two }] as const,
    ]
    expect((await declare(host, calls(1))).exitCode).toBe(0)
    await host.say('touch /srv/next/added')
    expect((await declare(host, calls(1))).recap()).toMatchObject({ changed: 0, trips: 2 })
    expect((await declare(host, calls(2))).changes).toEqual(['archive /srv/next', 'git /srv/commit'])
    expect(await host.say('/srv/next/bin/tool; ls -A /srv/next; cat /srv/commit/file')).toBe(
      "tool 2\nbin\nit's $(id) 2\nlink\ntwo\n",
    )
    expect((await declare(host, calls(2))).recap()).toMatchObject({ changed: 0, trips: 2 })
  })

  it('an archive gives no rights to who runs its programs', async () => {
    const call = ['archive', '/srv/rights', { url: `${at}/setuid.tar.gz`, sha256: setuid.sha256 }] as const
    expect((await declare(host, [call])).exitCode).toBe(0)
    expect(await host.say('stat -c %a /srv/rights/su')).toBe('644\n')
  })

  it.each<[string, string, unknown, RegExp]>([
    [
      'a download with another hash',
      'download',
      { url: `${at}/down`, sha256: '0'.repeat(64) },
      /Hash Sum mismatch|Hashes|was not fetched with the sha256 0000/,
    ],
    ['a download that is not there', 'download', { url: `${at}/none`, sha256: down }, /404/],
    [
      'an archive that leads out',
      'archive',
      { url: `${at}/out.tar.gz`, sha256: leadsOut.sha256 },
      /out: leads out of the directory, to \.\.\/\.\.\/etc/,
    ],
    [
      'a commit that the repository has not',
      'git',
      { repository: 'file:///srv/repo', commit: '1'.repeat(40) },
      /has no commit 1111/,
    ],
  ])('%s changes nothing, and leaves nothing behind', async (_title, noun, options, reason) => {
    await host.say('rm -rf /srv/kept; mkdir /srv/kept; [ -n "$(ls -A /srv/next)" ]')
    const { exitCode, error } = await declare(host, [[noun, '/srv/kept/x', options]])
    expect(exitCode).toBe(1)
    expect(error().lines.join('\n')).toMatch(reason)
    expect(await host.say('ls -A /srv/kept')).toBe('')
  })
})
