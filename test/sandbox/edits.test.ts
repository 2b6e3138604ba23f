import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { itInFull } from './cases.ts'
import { declare, declaredCases } from './declared.ts'
import { type Machine, machine } from './machine.ts'

const odd = `it's "odd" \${HOME} \`id\` $(id) é 日本 -- %h`
const in_ = (file: string, text: string) =>
  `[ "$(cat ${file})" = "$(printf '%s' '${text.replaceAll("'", "'\\''")}')" ]`

declaredCases('edits', 13, {
  'a command with a guard': {
    declare: [
      ['command', 'echo made >/srv/made; echo once >>/srv/runs', { creates: '/srv/made' }],
      [
        'command',
        ['sh', '-c', 'printf "%s\n" "$@" >/srv/words', '-', odd, '', '-rf'],
        { creates: '/srv/words' },
      ],
    ],
    holds: `[ "$(sed -n 1p /srv/words)" = "$(cat <<'END'\n${odd}\nEND\n)" ]; [ "$(sed -n 3p /srv/words)" = -rf ]; [ -s /srv/made ]`,
    byHand: 'rm /srv/made',
    absent: [['command', ['rm', '/srv/made', '/srv/words'], { removes: '/srv/made' }]],
    gone: '! [ -e /srv/made ]; [ "$(wc -l </srv/runs)" = 2 ]',
  },
  'a command of a user, with its environment and what it reads': {
    declare: [
      [
        'command',
        'cat >/tmp/as.new; echo "$(id -un):$(id -gn):$HOME:$PWD:$ODD" >>/tmp/as.new; mv /tmp/as.new /tmp/as',
        {
          ...{ as: 'daemon', in: '/usr/share', environment: { ODD: { secret: odd } }, stdin: 'read\n' },
          unless: 'grep -q "$ODD" /tmp/as',
        },
      ],
    ],
    holds: `[ "$(cat /tmp/as)" = "$(cat <<'END'\nread\ndaemon:daemon:/usr/sbin:/usr/share:${odd}\nEND\n)" ]`,
    byHand: 'rm /tmp/as',
  },
  'a script of the role': {
    declare: [
      [
        'script',
        'files/note.sh',
        { args: [odd, ''], environment: { NOTE: '/tmp/note' }, as: 'daemon', creates: '/tmp/note' },
      ],
    ],
    holds: `[ "$(cat /tmp/note)" = "$(cat <<'END'\n${odd}\n\ndaemon\n/\nEND\n)" ]; ! ls -d /run/capstan-script.* 2>/dev/null`,
  },
  'a kind that the role brings with it': {
    declare: [['marker', odd]],
    holds: `[ -e "$(cat <<'END'\n/run/marker-${odd}\nEND\n)" ]`,
    byHand: 'rm /run/marker-*',
  },
  'lines of files': {
    before: `printf 'one\\n#Two 2\\nthree' >/etc/lines; chmod 640 /etc/lines; chown daemon:adm /etc/lines; ln -sf lines /etc/lines-link
      printf 'a\\nb\\n' >'/etc/it'\\''s $(id) é'`,
    declare: [
      ['lineInFile', '/etc/lines', 'Two 3', { match: { pattern: '^#?Two ' } }],
      ['lineInFile', '/etc/lines', odd],
      ['lineInFile', '/etc/lines', 'zero', { before: { pattern: '^one' } }],
      ['lineInFile.absent', '/etc/lines', { pattern: '^thr' }],
      ['lineInFile', '/etc/lines-link', 'by a link'],
      ['lineInFile', "/etc/it's $(id) é", 'between', { after: { pattern: '^a' } }],
      ['lineInFile', '/etc/lines-new', 'first', { create: { mode: '0600', owner: 'daemon' } }],
      ['lineInFile', '/etc/lines-new', 'second', { create: true }],
      ['lineInFile.absent', '/etc/no-such-file', 'x'],
    ],
    holds: `${in_('/etc/lines', `zero\none\nTwo 3\n${odd}\nby a link`)}; [ "$(stat -c %a:%U:%G /etc/lines)" = 640:daemon:adm ]; [ -L /etc/lines-link ]
      ${in_('/etc/it*s*', 'a\nbetween\nb')}; ${in_('/etc/lines-new', 'first\nsecond')}; [ "$(stat -c %a:%U /etc/lines-new)" = 600:daemon ]`,
    byHand: "sed -i 's/Two 3/Two 4/' /etc/lines",
    absent: [
      ['lineInFile.absent', '/etc/lines', odd],
      ['lineInFile.absent', '/etc/lines', { pattern: '^(Two|zero|by)' }],
    ],
    gone: in_('/etc/lines', 'one'),
  },
  'a file that is a mount of its own': {
    before:
      'printf "before\\n" >/srv/mounted; mountpoint -q /srv/mounted || mount --bind /srv/mounted /srv/mounted',
    declare: [['lineInFile', '/srv/mounted', 'added']],
    holds: `${in_('/srv/mounted', 'before\nadded')}; mountpoint -q /srv/mounted`,
    byHand: 'echo before >/srv/mounted',
    absent: [['lineInFile.absent', '/srv/mounted', 'added']],
    gone: `${in_('/srv/mounted', 'before')}; umount /srv/mounted`,
  },
  'blocks of files': {
    before: 'printf "Port 22\\n" >/etc/blocks',
    declare: [
      ['block', '/etc/blocks', 'deploy', `Match User deploy\n  ${odd}\n\n`],
      [
        'block',
        '/etc/blocks',
        'token',
        { secret: 'password x' },
        { comment: ['<!--', '-->'], before: { pattern: '^Port' } },
      ],
    ],
    holds: in_(
      '/etc/blocks',
      `<!-- BEGIN token (Capstan) -->\npassword x\n<!-- END token (Capstan) -->\nPort 22\n# BEGIN deploy (Capstan)\nMatch User deploy\n  ${odd}\n\n# END deploy (Capstan)`,
    ),
    byHand: "sed -i 's/User deploy/User other/' /etc/blocks",
    absent: [
      ['block.absent', '/etc/blocks', 'deploy'],
      ['block.absent', '/etc/blocks', 'token', { comment: ['<!--', '-->'] }],
    ],
    gone: in_('/etc/blocks', 'Port 22'),
  },
  'settings of four formats': {
    before: `printf '; PHP\\n[PHP]\\nmemory_limit = 128M ; of a script\\n;opcache.enable = 1\\n[Date]\\n' >/etc/php.ini
      printf '# level\\nLEVEL=info # loud\\n#COLOR=no\\n' >/etc/default/shop
      printf '{\\n  // what it logs\\n  "log": { "level": "info" },\\n}\\n' >/etc/shop.jsonc
      printf '# of the shop\\nlog:\\n  level: info # or debug\\nports:\\n  - 1\\n' >/etc/shop.yaml`,
    declare: [
      ['setting', '/etc/php.ini', ['PHP', 'memory_limit'], '256M'],
      ['setting', '/etc/php.ini', ['PHP', 'opcache.enable'], 0],
      ['setting', '/etc/php.ini', ['Session', 'session.name'], odd],
      ['setting', '/etc/default/shop', 'LEVEL', 'debug'],
      ['setting', '/etc/default/shop', 'COLOR', odd],
      ['setting', '/etc/shop.jsonc', ['log', 'level'], 'debug'],
      ['setting', '/etc/shop.jsonc', ['name', odd], [1, null, { a: odd }]],
      ['setting', '/etc/shop.yaml', ['log', 'level'], 'debug'],
      ['setting', '/etc/shop.yaml', ['log', 'token'], { secret: odd }],
      ['setting', '/etc/shop-new.yaml', ['a', 'b'], 1, { create: { mode: '0640' } }],
    ],
    holds: `grep -Fqx 'memory_limit = 256M ; of a script' /etc/php.ini; sed -n 5p /etc/php.ini | grep -qx 'opcache.enable = 0'
      grep -qx 'LEVEL=debug # loud' /etc/default/shop; ( . /etc/default/shop; [ "$COLOR" = "$(cat <<'END'\n${odd}\nEND\n)" ] )
      grep -q '// what it logs' /etc/shop.jsonc; grep -q '"level": "debug"' /etc/shop.jsonc; grep -qx '  level: debug # or debug' /etc/shop.yaml
      [ "$(stat -c %a /etc/shop-new.yaml)" = 640 ]
      [ "$(systemd-run -q --wait --pipe -p EnvironmentFile=/etc/default/shop printenv COLOR)" = "$(cat <<'END'\n${odd}\nEND\n)" ]`,
    edited: 3,
    byHand: "sed -i 's/debug/info/' /etc/default/shop /etc/shop.yaml; sed -i s/256M/64M/ /etc/php.ini",
    absent: [
      ['setting.absent', '/etc/php.ini', ['PHP', 'memory_limit']],
      ['setting.absent', '/etc/default/shop', 'LEVEL'],
      ['setting.absent', '/etc/shop.jsonc', ['log', 'level']],
      ['setting.absent', '/etc/shop.yaml', ['log', 'level']],
    ],
    gone: '! grep -q memory /etc/php.ini; ! grep -q LEVEL= /etc/default/shop; ! grep -q level...debug /etc/shop.jsonc; ! grep -q debug /etc/shop.yaml',
  },
})

describe('what can’t be so', () => {
  let host: Machine
  beforeAll(async () => {
    host = await machine('edits12', 12)
  })
  afterAll(() => host?.close())

  it('a command whose guard still asks for it fails after it ran once, and names the guard', async () => {
    const { exitCode, error } = await declare(host, [
      ['command', 'echo run >>/srv/again', { creates: '/srv/never' }],
    ])
    expect(exitCode).toBe(1)
    expect(error()).toMatchObject({
      code: 'still-differs',
      lines: ['/srv/never: wanted present, found absent'],
    })
    expect(await host.say('cat /srv/again')).toBe('run\n')
  })

  it('a command without a guard is reported, run after run', async () => {
    for (const turn of [1, 2]) {
      const { exitCode, changes, lines } = await declare(host, [['command', 'echo ran >>/srv/each']])
      expect([exitCode, changes, turn]).toEqual([0, ['command echo ran >>/srv/each'], turn])
      const warnings = lines.filter(line => line.event === 'warning').map(line => line.message)
      expect(warnings).toEqual([expect.stringContaining('has no guard and runs each time')])
    }
  })

  it('a file that is not what its format says is left as it is, and the error names file and line', async () => {
    await host.say('printf "{\\n  broken\\n}\\n" >/etc/broken.json')
    const { exitCode, error } = await declare(host, [['setting', '/etc/broken.json', 'a', 1]])
    expect(exitCode).toBe(1)
    expect(JSON.stringify(error())).toContain('is not JSON: InvalidSymbol in line 2')
    expect(await host.say('cat /etc/broken.json')).toBe('{\n  broken\n}\n')
  })

  itInFull('500 lines of a file and 500 commands with guards are found in two trips', async () => {
    await host.say('seq -f "line %.0f" 500 >/etc/many-lines')
    const many = Array.from({ length: 500 }, (_, index) => index + 1)
    const { recap } = await declare(host, [
      ...many.map(one => ['lineInFile', '/etc/many-lines', `line ${one}`] as const),
      ...many.map(one => ['command', `echo ${one}`, { creates: '/etc/many-lines' }] as const),
    ])
    expect(recap()).toMatchObject({ ok: 1000, changed: 0, trips: 2 })
  })
})
