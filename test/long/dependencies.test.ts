import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startLoad } from '../deploy/load.ts'
import { liveRelease, source } from '../sandbox/deploy-app.ts'
import { kept } from '../sandbox/kept.ts'
import { type Machine, machine } from '../sandbox/machine.ts'
import { runHere } from '../sandbox/site.ts'
import { ask } from '../sandbox/web-request.ts'

// npm, composer and pip install what three apps need, on the host. These tests run in order.

/** A page of a text, its release, and where its Python is from. */
const wsgi = (text: string) => `import os, sys
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{${text}} {os.environ['RELEASE']} {sys.prefix}".encode()]
`
const greeting = (version: string) => `hello ${version}`
const apps = {
  api: source({
    'package.json': JSON.stringify({
      name: 'api',
      type: 'module',
      dependencies: { hello: 'file:hello.tgz' },
    }),
    'server.js': `import hello from 'hello'
import http from 'node:http'
const server = http.createServer((_, response) => response.end(hello + ' ' + process.env.RELEASE))
server.listen(process.env.PORT)
process.on('SIGTERM', () => { server.close(); server.closeIdleConnections() })
`,
  }),
  shop: source({
    'wsgi.py': wsgi("__import__('hello').text"),
    'deploy/migrate*':
      '#!/usr/bin/env python3\nimport sys\nopen("storage/migrated", "w").write(sys.prefix)\n',
  }),
  blog: source({
    'composer.json': JSON.stringify({
      repositories: [
        { type: 'path', url: 'packages/hello', options: { symlink: false } },
        { 'packagist.org': false },
      ],
      require: { 'acme/hello': '*' },
      autoload: { 'psr-4': { 'App\\': 'src/' } },
      config: { lock: false },
    }),
    'src/Page.php':
      '<?php namespace App; class Page { static function text() { return hello() . " " . getenv("RELEASE"); } }',
    'public/index.php': '<?php require __DIR__ . "/../vendor/autoload.php"; echo App\\Page::text();',
  }),
}
type Name = keyof typeof apps
const names = Object.keys(apps) as Name[]

/** The package `hello` of a version, in each app, with what locks it. */
function needs(version: string): void {
  const { api, shop, blog } = apps
  api.write({
    'hello/package.json': JSON.stringify({ name: 'hello', version, main: 'index.js' }),
    'hello/index.js': `module.exports = ${JSON.stringify(greeting(version))}`,
    '.deployignore': '/hello/\n',
  })
  const here = { cwd: api.folder, stdio: 'ignore' } as const
  execFileSync('tar', ['-czf', 'hello.tgz', '--transform', 's/^hello/package/', 'hello'], here)
  rmSync(join(api.folder, 'package-lock.json'), { force: true })
  execFileSync('npm', ['install', '--package-lock-only', '--offline', '--no-audit'], here)
  shop.write({ 'requirements.txt': `hello==${version}\n` })
  const wheel = `import zipfile
with zipfile.ZipFile("hello-${version}-py3-none-any.whl", "w") as z:
    z.writestr("hello.py", "text = '${greeting(version)}'\\n")
    z.writestr("hello-${version}.dist-info/METADATA", "Metadata-Version: 2.1\\nName: hello\\nVersion: ${version}\\n")
    z.writestr("hello-${version}.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    z.writestr("hello-${version}.dist-info/entry_points.txt", "[console_scripts]\\nhello = hello:text.upper\\n")
    z.writestr("hello-${version}.dist-info/RECORD", "")
`
  execFileSync('python3', ['-c', wheel], { cwd: shop.folder })
  blog.write({
    'packages/hello/composer.json': JSON.stringify({
      name: 'acme/hello',
      version,
      autoload: { files: ['hello.php'] },
    }),
    'packages/hello/hello.php': `<?php function hello() { return '${greeting(version)}'; }`,
  })
}

const release = (name: Name, install: object) => ({
  release: { source: apps[name].folder, health: { path: '/' }, drain: '2s', keep: 2, install },
})
const install = {
  api: { command: 'npm ci --omit=dev --offline', packages: ['npm'] },
  shop: {
    command:
      'python3 -m venv --system-site-packages venv && venv/bin/pip install --no-index --find-links . -r requirements.txt',
    packages: ['python3-venv'],
  },
  blog: {
    command: 'composer install --no-dev --no-interaction',
    files: ['composer.json', 'packages'],
    packages: ['composer'],
  },
}
const sites = (changes: { environment?: object; api?: object; shop?: object } = {}) => ({
  api: {
    ...{ domain: 'api.example', runtime: 'node' },
    app: { ...release('api', { ...install.api, ...changes.api }), environment: changes.environment ?? {} },
  },
  shop: {
    ...{ domain: 'shop.example', runtime: 'python', database: { password: 'of-the-shop' } },
    app: { ...release('shop', { ...install.shop, ...changes.shop }), environment: changes.environment ?? {} },
  },
  blog: {
    ...{ domain: 'blog.example', runtime: 'php' },
    app: { ...release('blog', install.blog), environment: changes.environment ?? {} },
  },
  foobar: { domain: 'foobar.com', database: { password: 'of-hosts-that-are-kept' } },
})

let host: Machine
const run = (script: 'site' | 'deploy' | 'rollback', args: readonly string[] = [], changes = {}) => {
  const vars = { mysql: { bufferPool: '128m' }, sites: sites(changes) }
  return runHere({ script, hosts: host, vars, args })
}
const deploy = (changes = {}) => run('deploy', ['--site', names.join(',')], changes)
const answer = async (name: Name) =>
  (await ask({ port: host.host.ports.https, url: `https://www.${name}.example/` })).body
const current = (name: Name) => liveRelease(host, name)
const notes = (lines: Awaited<ReturnType<typeof run>>['lines']) =>
  lines.flatMap(({ step, state, note }) => (step === 'install' && state === 'done' ? [note ?? 'run'] : []))

beforeAll(async () => {
  host = await machine('dependencies12', 12, await kept('site', 12))
  needs('1.0')
})
afterAll(() => {
  for (const each of Object.values(apps)) each.remove()
  host?.close()
})

it('The first release installs them, and all three apps use them.', async () => {
  const first = await run('site')
  expect(first.exitCode, first.stdout.slice(-4000) + first.stderr).toBe(0)
  expect(notes(first.lines)).toEqual(['run', 'run', 'run'])
  for (const name of names) expect(await answer(name)).toContain(`hello 1.0 ${await current(name)}`)
  const venv = `/srv/www/shop/releases/${await current('shop')}/venv`
  expect(await answer('shop')).toContain(venv)
  expect(await host.say('cat /srv/www/shop/shared/storage/migrated')).toBe(venv)
  expect((await run('site')).recap()).toMatchObject({ changed: 0, failed: 0, trips: 2 })
})

it('What was installed belongs to root, and the app can’t change it.', async () => {
  for (const [name, folder] of [
    ['api', 'node_modules'],
    ['shop', 'venv'],
    ['blog', 'vendor'],
  ] as const) {
    const at = `/srv/www/${name}/current/${folder}`
    expect(await host.say(`find ${at}/ ! -type l '(' ! -user root -o -perm /022 ')'`), name).toBe('')
    expect((await host.run(`runuser -u ${name} -- touch ${at}/new`)).exitCode, name).toBe(1)
    expect(await host.say(`stat -c '%U %a' /srv/www/${name}/cache`)).toBe(`${name} 700\n`)
  }
})

it('The next release gets them from the one before, and no request is lost.', async () => {
  const load = names.map(name =>
    startLoad({
      ...{ address: '127.0.0.1', port: host.host.ports.https, domain: `www.${name}.example`, path: '/' },
      ...{ connections: 2, keepAlive: true, pause: 20 },
    }),
  )
  const before = await Promise.all(names.map(current))
  for (const name of names) apps[name].write({ 'n.txt': 'second' })
  const second = await deploy()
  expect(second.exitCode, second.stdout.slice(-4000) + second.stderr).toBe(0)
  expect(notes(second.lines).toSorted()).toEqual(
    before.map(id => `those of ${id}, which has the same`).toSorted(),
  )
  for (const each of load) {
    const { failures, requests } = await each.stop()
    expect(failures).toEqual({})
    expect(requests).toBeGreaterThan(20)
  }
  for (const name of names) expect(await answer(name)).toContain(`hello 1.0 ${await current(name)}`)
  const venv = `/srv/www/shop/releases/${await current('shop')}/venv`
  expect(await host.say(`head -1 ${venv}/bin/hello`)).toBe(`#!${venv}/bin/python3\n`)
})

it('Another version is installed beside it, and a rollback has the earlier one.', async () => {
  needs('2.0')
  const third = await deploy()
  expect(third.exitCode, third.stdout.slice(-4000) + third.stderr).toBe(0)
  expect(notes(third.lines)).toEqual(['run', 'run', 'run'])
  for (const name of names) expect(await answer(name)).toContain('hello 2.0')
  // The first release is gone by now.
  for (const name of names)
    expect((await host.say(`ls /srv/www/${name}/releases`)).trim().split('\n').length, name).toBe(2)
  for (const name of names) {
    const back = await run('rollback', ['--site', name])
    expect(back.exitCode, back.stdout.slice(-3000)).toBe(0)
  }
  for (const name of names) expect(await answer(name)).toContain('hello 1.0')
})

it('A change of the configuration keeps them.', async () => {
  const changes = { environment: { COLOUR: 'red' } }
  const before = await Promise.all(names.map(current))
  const changed = await run('site', [], changes)
  expect(changed.exitCode, changed.stdout.slice(-3000)).toBe(0)
  for (const [index, name] of names.entries()) {
    expect(await current(name)).not.toBe(before[index])
    expect(await answer(name)).toContain(`hello 1.0 ${await current(name)}`)
  }
  expect((await run('site', [], changes)).recap()).toMatchObject({ changed: 0, trips: 2 })
})

it('Where the command fails, the site is unchanged and its output is shown.', async () => {
  const before = await answer('api')
  apps.api.write({ 'package-lock.json': '{}', 'n.txt': 'broken' })
  const failed = await run('deploy', ['--site', 'api'])
  expect(failed.exitCode).toBe(1)
  expect(failed.error()).toMatchObject({
    code: 'step-install',
    lines: expect.arrayContaining([expect.stringMatching(/npm ERR!/)]),
    hint: expect.stringContaining('The site is unchanged'),
  })
  expect(await answer('api')).toBe(before)
})

it('Another command concerns the next release: a run of site.mjs changes nothing.', async () => {
  expect((await run('site', ['-t', 'app'])).exitCode).toBe(0)
  const before = await current('api')
  const other = { api: { command: 'no-such-program', packages: ['npm'] } }
  expect((await run('site', ['-t', 'app'], other)).recap()).toMatchObject({ changed: 0, failed: 0 })
  expect(await current('api')).toBe(before)
})

it('A release from before there was a virtual environment is rolled back to.', async () => {
  apps.shop.write({ 'wsgi.py': wsgi("'none'") })
  const without = { shop: { command: undefined } }
  expect((await run('site', ['-t', 'app'], without)).exitCode).toBe(0)
  expect((await run('deploy', ['--site', 'shop'], without)).exitCode).toBe(0)
  const before = await current('shop')
  apps.shop.write({ 'wsgi.py': wsgi("__import__('hello').text") })
  expect((await run('site', ['-t', 'app'])).exitCode).toBe(0)
  const kept = await current('shop')
  expect((await run('deploy', ['--site', 'shop'])).exitCode).toBe(0)
  expect(await answer('shop')).toContain('hello 2.0')
  const back = await run('rollback', ['--site', 'shop'])
  expect(back.exitCode, back.stdout.slice(-3000)).toBe(0)
  expect([before, kept]).toContain(await current('shop'))
  expect(await answer('shop')).toMatch(/^none /)
})

it('A command that exceeds its time limit is ended, and the next deploy installs from scratch.', async () => {
  needs('2.0')
  const slow = { api: { command: 'touch node_modules/half; sleep 600', timeout: '2s' } }
  const failed = await run('deploy', ['--site', 'api'], slow)
  expect([failed.exitCode, failed.error().lines.join(' ')]).toEqual([
    1,
    expect.stringContaining('it was ended after 2 s, the most that it may take'),
  ])
  expect(await host.say('find /srv/www/api/releases -name half')).toBe('')
  const again = await run('deploy', ['--site', 'api'])
  expect(again.exitCode, again.stdout.slice(-3000)).toBe(0)
  expect(await answer('api')).toContain('hello 2.0')
})
