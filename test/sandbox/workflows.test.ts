import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sandboxDown } from '#engine/sandbox/sandbox.ts'
import { type FakeGithub, fakeGithub } from '../github/fake-github.ts'
import { type NpmFolder, npmOnce } from '../github/npm.ts'
import { type Happening, type JobRun, runWorkflow, type StepRun } from '../github/runner.ts'
import { describeInFull, itInFull } from './cases.ts'
import { kept } from './kept.ts'
import { type Machine, machine, root } from './machine.ts'
import { type Origin, originOf } from './pushes.ts'
import { ask } from './web-request.ts'

// All of docs/github.md on a real host: the workflows as they are, each `run:` in a runner's shell.
const password = 'pässword-$(id)-for-the-database'
const page = 'roles/app/examples/php/src/page.html.php'
const front = 'roles/app/examples/php/public/index.php'
let host: Machine
let origin: Origin
let github: FakeGithub
let secrets: Record<string, string>
let first: string
let npm: NpmFolder

beforeAll(async () => {
  await sandboxDown({ root, say: () => {}, names: ['hub1'] }).catch(() => {})
  host = await machine('hub1', 12, await kept('site', 12))
  github = await fakeGithub()
  npm = npmOnce()
  origin = originOf({ 'inventory/production.yml': inventory(host) })
  first = origin.push('A first page', {})
  github.good.push(first)
  secrets = { ...doctor(host), DB_PASSWORD: password }
})

afterAll(async () => {
  host.close()
  origin.remove()
  github.close()
  npm.remove()
  await sandboxDown({ root, say: () => {}, names: ['hub1'] })
})

function inventory({ host: { address, port } }: Machine): string {
  return `vars:
  site: { domain: foobar.com, www: [www.foobar.com] }
  nginx: { body: 16m }
  mysql: { password: !secret DB_PASSWORD }
  app:
    database: { password: !secret DB_PASSWORD }
    release: { test: "! grep -r FIXME roles/app/examples/php && echo 'the page has nothing to fix'" }
hosts:
  web1: { address: ${address}, port: ${port}, user: deploy }
`
}

/** The secrets that doctor.mjs says to paste, made with the login of whoever owns the host. */
function doctor({ host: { keyFile, knownHostsFile } }: Machine): Record<string, string> {
  const folder = `${host.host.knownHostsFile}.checkout`
  origin.checkout(first, folder)
  try {
    execFileSync('ln', ['-s', join(root, 'node_modules'), join(folder, 'node_modules')])
    const said = execFileSync(
      process.execPath,
      ['scripts/doctor.mjs', '-i', 'production', '--as', 'root', '--secrets'],
      {
        cwd: folder,
        env: {
          PATH: process.env['PATH'],
          DB_PASSWORD: password,
          CAPSTAN_SSH_KEY: readFileSync(keyFile, 'utf8'),
          CAPSTAN_KNOWN_HOSTS: readFileSync(knownHostsFile, 'utf8'),
        },
      },
    ).toString()
    const [, key = ''] = /<<'KEY'\n(.*?\n)KEY/s.exec(said) ?? []
    const [, hosts = ''] = /<<'HOSTS'\n(.*?\n)HOSTS/s.exec(said) ?? []
    return { SSH_PRIVATE_KEY: key, KNOWN_HOSTS: hosts }
  } finally {
    execFileSync('rm', ['-rf', folder])
  }
}

type Event = Omit<Happening, 'workflow' | 'checkout'> & Partial<Pick<Happening, 'checkout'>>

function run(workflow: string, happening: Event): Promise<Readonly<Record<string, JobRun>>> {
  return runWorkflow({
    secrets,
    path: npm.folder,
    environment: { GITHUB_API_URL: github.environment['GITHUB_API_URL'] ?? '' },
    checkout: workspace => origin.checkout(happening.sha, workspace),
    called: path => readFileSync(join(root, path), 'utf8'),
    ...happening,
    workflow: readFileSync(join(root, '.github/workflows', workflow), 'utf8'),
  })
}

function step(job: JobRun | undefined, name: string): StepRun {
  const found = job?.steps.find(each => each.name === name)
  if (!found) throw new Error(`no step ${name} in ${job?.steps.map(each => each.name).join(', ')}`)
  return found
}

/** The reports that a job uploads, by file: their titles. */
function reports(job: JobRun | undefined): Readonly<Record<string, string | undefined>> {
  const { artifacts = {} } = step(job, 'Reports')
  const titles = Object.entries(artifacts).map(([name, text]) => [
    name,
    /<title>(.*)<\/title>/.exec(text)?.[1],
  ])
  return Object.fromEntries(titles)
}

/** What a job says when it did not go as it should. */
function told(job: JobRun | undefined): string {
  return (job?.steps ?? [])
    .map(each => `--- ${each.name}: ${each.outcome}\n${each.log.slice(-3000)}`)
    .join('\n')
}

/** Whole seconds since a moment of performance.now. */
const seconds = (began: number) => Math.round((performance.now() - began) / 1000)

/** The page as a visitor gets it. */
async function visit(): Promise<string> {
  const { status, body } = await ask({ port: host.host.ports.https, url: 'https://www.foobar.com/' })
  expect(status).toBe(200)
  return body
}

// The lines by which the runner is told what to mask are the one place where a secret is written.
function withoutMasks(raw: string): string {
  return raw.replace(/^::add-mask::.*$/gm, '')
}

function secretLines(): readonly string[] {
  const key = secrets['SSH_PRIVATE_KEY'] ?? ''
  return [password, ...key.split('\n').filter(line => /^[\w+/=]{20,}$/.test(line))]
}

function expectNoSecret(jobs: Readonly<Record<string, JobRun>>): void {
  const lines = secretLines()
  expect(lines.length).toBeGreaterThan(4)
  for (const { steps } of Object.values(jobs))
    for (const { raw, summary, outputs, annotations, artifacts = {} } of steps) {
      const files = Object.values(artifacts)
      const all = [withoutMasks(raw), summary, JSON.stringify([outputs, annotations]), ...files].join('\n')
      for (const secret of lines) expect(all).not.toContain(secret)
    }
}

const releases: string[] = []

it('A secret that a step prints is found, in any of the places that are looked at.', async () => {
  const workflow = (line: string) =>
    `on: push\njobs: { a: { steps: [{ env: { A: '\${{ secrets.DB_PASSWORD }}' }, run: '${line}' }] } }`
  const place = { event: 'push', sha: first, secrets, checkout: () => {} } as const
  for (const line of ['echo "$A"', 'echo "a=$A" >>"$GITHUB_OUTPUT"', 'echo "$A" >>"$GITHUB_STEP_SUMMARY"']) {
    const jobs = await runWorkflow({ ...place, workflow: workflow(line) })
    expect(() => expectNoSecret(jobs), line).toThrow()
  }
  expectNoSecret(await runWorkflow({ ...place, workflow: workflow('echo "::add-mask::$A"') }))
})

describe('a push to main', () => {
  itInFull(
    'that is cancelled while a host is converged stops between two steps, and says where',
    async () => {
      const cancel = { step: 'Converge', when: /::group::web1 {2}dns/ }
      const jobs = await run('deploy.yml', { event: 'push', sha: first, cancel })
      const { outcome, summary, endedAfter } = step(jobs['deploy'], 'Converge')
      expect(outcome, told(jobs['deploy'])).toBe('cancelled')
      expect(endedAfter).toBeLessThan(10.5)
      expect(summary).toContain('## ⏹️ production: site was cancelled (SIGINT)')
      expect(step(jobs['deploy'], 'Deploy').outcome).toBe('skipped')
      expect(jobs['deploy']?.result).toBe('cancelled')
      expect(reports(jobs['deploy'])).toEqual({
        'site.html': 'site on production: interrupted by SIGINT',
      })
      expectNoSecret(jobs)
    },
  )

  it('is converged, deployed and verified', async () => {
    await host.say("sed -i 's/server_tokens off/server_tokens on/' /etc/nginx/nginx.conf")
    github.good.length = 0
    const jobs = await run('deploy.yml', { event: 'push', sha: first })
    const { deploy } = jobs
    expect(deploy?.result, told(deploy)).toBe('success')
    expect(deploy?.url).toBe('https://www.foobar.com/')
    expect(deploy?.outputs).toMatchObject({ url: 'https://www.foobar.com/', previous: '' })
    releases.push(String(deploy?.outputs['release']))
    expect(releases[0]).toMatch(/^\d{8}T\d{6}Z-[0-9a-f]{7}$/)
    expect(await visit()).toContain('a row of MySQL')
    expect(step(deploy, 'Converge').log).toMatch(/^::group::web1 {2}nginx$/m)
    expect(step(deploy, 'Converge').summary).toMatch(/^## ✅ production: \d+ changes made/)
    expect(step(deploy, 'Deploy').summary).toContain(`foobar: ${releases[0]} is live`)
    expect(step(deploy, 'Verify').outputs).toMatchObject({ changed: '0' })
    expect(reports(deploy)).toEqual({
      'site.html': expect.stringMatching(/^site on production: \d+ changes made$/),
      'deploy.html': `deploy on production: foobar ${releases[0]} is live`,
      'verify.html': 'site on production: nothing would change',
    })
    expect(jobs['check']?.jobs?.['project']?.result, 'no run before it is known').toBe('success')
    github.good.push(first)
    expectNoSecret(jobs)
  })

  itInFull('masks every secret before anything else is printed', async () => {
    const sha = origin.push('Nothing new', {})
    const jobs = await run('deploy.yml', { event: 'push', sha })
    const raw = step(jobs['deploy'], 'Converge').raw.split('\n')
    const firstLine = raw.findIndex(line => !line.startsWith('::add-mask::'))
    const masks = raw.slice(0, firstLine).map(line => line.replace('::add-mask::', ''))
    for (const secret of secretLines()) expect(masks).toContain(secret)
    expect(raw.slice(firstLine).join('\n')).not.toMatch(/^::add-mask::.*PRIVATE KEY/m)
    expect(jobs['deploy']?.outputs).toMatchObject({ release: releases[0] })
    expect(step(jobs['deploy'], 'Deploy').summary).toContain('already live')
    expectNoSecret(jobs)
  })

  it('whose app fails its tests goes no further', async () => {
    const sha = origin.push('A page that is not tested', { [page]: `${origin.text(page)}<p>FIXME</p>` })
    const { check, deploy } = await run('deploy.yml', { event: 'push', sha })
    expect(step(check?.jobs?.['apps'], 'Test the apps').log).toContain('foobar: failed with exit code 1')
    expect([check?.result, deploy?.result]).toEqual(['failure', 'skipped'])
  })

  it('of an app alone is tested by the app’s tests, and says from where to where, and how to go back', async () => {
    const sha = origin.push('Greet <b>everybody</b> | @octocat', {
      [page]: origin
        .text(page)
        .replace('<p>FIXME</p>', '')
        .replace('</body>', '<p>the second page</p></body>'),
    })
    const began = performance.now()
    const jobs = await run('deploy.yml', { event: 'push', sha })
    console.log(
      `a push of an app alone is live and verified after ${seconds(began)} s, with npm’s packages at hand`,
    )
    const { check, deploy } = jobs
    const { apps, project } = check?.jobs ?? {}
    expect(deploy?.result, told(apps) + told(deploy)).toBe('success')
    expect(step(apps, 'Test the apps').log).toContain('the page has nothing to fix')
    expect(project?.result).toBe('skipped')
    releases.push(String(deploy?.outputs['release']))
    expect(deploy?.outputs['previous']).toBe(releases[0])
    expect(await visit()).toContain('the second page')
    const { summary } = step(deploy, 'Deploy')
    expect(summary).toContain(`\`${releases[0]}\` → \`${releases[1]}\``)
    expect(summary).toContain(`](https://github.com/octocat/foobar/commit/${sha}) Greet \\<b\\>everybody`)
    expect(summary).not.toContain('@octocat')
    expect(summary).toContain(`npx zx scripts/rollback.mjs -i production --to ${releases[0]}`)
    expectNoSecret(jobs)
  })
})

describeInFull('a deploy that is cancelled before the switch', () => {
  it('leaves the site as it is, says where it stopped, and the next push goes through', async () => {
    const slow = origin.text(front)
    const sha = origin.push('A slow start', {
      // The first two requests are the gate's.
      [front]: slow.replace(
        '$path =',
        "$n = (int) @file_get_contents('/tmp/n');\nfile_put_contents('/tmp/n', $n + 1);\nif ($n < 2) sleep(2);\n$path =",
      ),
    })
    const cancel = { step: 'Deploy', when: /done[^\n]*start/ }
    const jobs = await run('deploy.yml', { event: 'push', sha, cancel })
    const { outcome, summary, endedAfter } = step(jobs['deploy'], 'Deploy')
    expect(outcome, told(jobs['deploy'])).toBe('cancelled')
    expect(endedAfter).toBeLessThan(10.5)
    expect(summary).toContain('deploy was cancelled (SIGINT)')
    expect(await visit()).toContain('the second page')
    expectNoSecret(jobs)
    const { deploy } = await run('deploy.yml', {
      event: 'push',
      sha: origin.push('Fast again', { [front]: slow }),
    })
    expect(deploy?.result, told(deploy)).toBe('success')
    expect(deploy?.outputs['release']).toBe(releases[1])
  })
})

describeInFull('the rollback workflow', () => {
  const inputs = { steps: '1', release: '' }

  it('goes back to the good release before, by its defaults', async () => {
    const jobs = await run('rollback.yml', { event: 'workflow_dispatch', sha: first, inputs })
    const { rollback } = jobs
    expect(rollback?.result, told(rollback)).toBe('success')
    expect(step(rollback, 'Roll back').outputs).toMatchObject({ release: releases[0], previous: releases[1] })
    expect(rollback?.url).toBe('https://www.foobar.com/')
    expect(await visit()).not.toContain('the second page')
    expectNoSecret(jobs)
  })

  it('goes to the release that is named', async () => {
    const named = { ...inputs, release: releases[1]?.split('-')[1] ?? '' }
    const { rollback } = await run('rollback.yml', { event: 'workflow_dispatch', sha: first, inputs: named })
    expect(rollback?.result, told(rollback)).toBe('success')
    expect(await visit()).toContain('the second page')
  })

  itInFull.each(['$(touch /tmp/owned)', '--help'])(
    'takes %s for the name of a release that is not there',
    async release => {
      const { rollback } = await run('rollback.yml', {
        event: 'workflow_dispatch',
        sha: first,
        inputs: { ...inputs, release },
      })
      expect(rollback?.result).toBe('failure')
      expect(await host.run('test ! -e /tmp/owned')).toMatchObject({ exitCode: 0 })
      expect(await visit()).toContain('the second page')
    },
  )
})

describeInFull('the app’s own repository', () => {
  it('calls the deploy of this one, and its folder is shipped', async () => {
    const app = originOf({ 'index.html': 'the page of the app’s own repository' })
    const sha = app.push('The app', {})
    const asked: string[] = []
    const { check, deploy } = await run('deploy.yml', {
      event: 'push',
      sha,
      inputs: {
        capstan: 'octocat/servers',
        'capstan-ref': first,
        source: 'roles/app/examples/php',
        inventory: 'production',
        environment: 'production',
      },
      checkout: (workspace, { repository, path, ref }) => {
        asked.push(String(repository ?? 'its own'))
        if (path === 'app') app.checkout(sha, join(workspace, 'app'))
        else origin.checkout(String(ref), workspace)
      },
    })
    app.remove()
    expect(check?.result).toBe('skipped')
    expect(deploy?.result, told(deploy)).toBe('success')
    expect(asked).toEqual(['octocat/servers', 'its own'])
    expect(step(deploy, 'Deploy').outputs).toMatchObject({ release: releases[0] })
    expect(await visit()).not.toContain('the second page')
  })
})

describeInFull('without what it needs', () => {
  it('stops before a host is contacted where no known_hosts secret is made, and says how to make it', async () => {
    const { KNOWN_HOSTS: _none, ...others } = secrets
    const { deploy } = await run('deploy.yml', { event: 'push', sha: first, secrets: others })
    const { outcome, log, summary, annotations } = step(deploy, 'Converge')
    expect(outcome).toBe('failure')
    expect(log).toContain('doctor.mjs -i production --secrets')
    expect(summary).toContain('KNOWN_HOSTS')
    expect(annotations).toHaveLength(1)
    expect(step(deploy, 'Deploy').outcome).toBe('skipped')
  })
})

describeInFull('the nightly look', () => {
  const night = { event: 'schedule', sha: first } as const

  it('opens one issue when a host is not as declared, and closes it when it is again', async () => {
    const sha = origin.push('As it is', {})
    const asDeclared = await run('drift.yml', { ...night, sha })
    expect(asDeclared['drift']?.result, told(asDeclared['drift'])).toBe('success')
    expect(github.items.size).toBe(0)

    await host.say("sed -i 's/server_tokens off/server_tokens on/' /etc/nginx/nginx.conf")
    const drifted = await run('drift.yml', { ...night, sha })
    expect(drifted['drift']?.result).toBe('failure')
    const [issue] = github.items.values()
    expect(issue).toMatchObject({ title: 'production is not as declared', state: 'open' })
    expect(issue?.body).toContain('-    server_tokens on;')
    expect(step(drifted['drift'], 'Reports').artifacts?.['site.html']).toContain('-    server_tokens on;')
    expectNoSecret(drifted)

    const repaired = await run('deploy.yml', { event: 'push', sha })
    expect(repaired['deploy']?.result, told(repaired['deploy'])).toBe('success')
    await run('drift.yml', { ...night, sha })
    expect(issue?.state).toBe('closed')
  })
})

describe('a pull request', () => {
  const payload = (repository: string, login = 'octocat') => ({
    pull_request: { number: 7, user: { login }, head: { repo: { full_name: repository }, ref: 'a"; id #' } },
  })

  itInFull('of our own is planned, in one comment that is kept up to date', async () => {
    const before = await host.say('ls /srv/www/foobar/releases; readlink /srv/www/foobar/current')
    const changed = origin.text('inventory/production.yml').replace('16m', '20m')
    const sha = origin.push('Larger uploads', {
      'inventory/production.yml': changed,
      [page]: origin.text(page).replace('the second page', 'the third page'),
    })
    const happening = { event: 'pull_request', sha, payload: payload('octocat/foobar') } as const
    const jobs = await run('plan.yml', happening)
    expect(jobs['plan']?.result, told(jobs['plan'])).toBe('success')
    expect(jobs['skipped']?.result).toBe('skipped')
    await run('plan.yml', happening)
    const comments = github.items.get(7)?.comments ?? []
    expect(comments).toHaveLength(1)
    expect(comments[0]?.body).toContain('production: 1 change would be made')
    expect(comments[0]?.body).toMatch(/^\+.*client_max_body_size 20m;/m)
    expect(comments[0]?.body).toContain('would be deployed')
    expect(comments[0]?.body).toContain('Larger uploads')
    expect(comments[0]?.body).toContain('1 of 11 files')
    expectNoSecret(jobs)
    expect(await host.say('ls /srv/www/foobar/releases; readlink /srv/www/foobar/current')).toBe(before)
  })

  it('from a fork gets no secret and no step that needs one, and says so', async () => {
    const { plan, skipped } = await run('plan.yml', {
      event: 'pull_request',
      sha: first,
      payload: payload('mallory/foobar'),
      secrets: {},
    })
    expect(plan?.result).toBe('skipped')
    expect(plan?.steps).toEqual([])
    expect(skipped?.result).toBe('success')
    expect(skipped?.steps.map(({ summary }) => summary).join()).toContain('No plan')
  })

  it('from Dependabot is told the same', async () => {
    const { plan } = await run('plan.yml', {
      event: 'pull_request',
      sha: first,
      payload: payload('octocat/foobar', 'dependabot[bot]'),
      secrets: {},
    })
    expect(plan?.result).toBe('skipped')
  })
})
