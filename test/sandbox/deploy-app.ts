import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Machine } from './machine.ts'
import { type RunningSite, runHere, type SiteOptions, type SiteRun, startSite } from './site.ts'

/** A php app of a few files, to be shipped; each is content by path, an executable one ends with `*`. */
export interface Source {
  readonly folder: string
  write(files: Readonly<Record<string, string>>): void
  remove(): void
}

/** Answers `ok <release>`; `/slow` takes two seconds for it. */
export const wellIndex = `<?php
if (parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH) === '/slow') sleep(2);
echo 'ok ', getenv('RELEASE'), "\\n";
`
/** Well on its own socket, broken as soon as visitors get it. */
export const lateIndex = `<?php
if (basename((string) readlink('/srv/www/foobar/current')) !== getenv('RELEASE')) exit('ok ' . getenv('RELEASE'));
http_response_code(500); error_log('the door is stuck'); echo 'broken';
`
export const brokenIndex = "<?php http_response_code(500); error_log('the well is dry'); echo 'broken';"
export const hangingIndex = '<?php sleep(60);'

export function source(files: Readonly<Record<string, string>> = {}): Source {
  const folder = mkdtempSync(join(tmpdir(), 'capstan-source-'))
  const write = (all: Readonly<Record<string, string>>) => {
    for (const [name, content] of Object.entries(all)) {
      const path = join(folder, name.replace(/\*$/, ''))
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, content)
      if (name.endsWith('*')) chmodSync(path, 0o755)
    }
  }
  write({ 'public/index.php': wellIndex, ...files })
  return { folder, write, remove: () => rmSync(folder, { recursive: true }) }
}

/** The name of the release of an app that visitors of the host get. */
export async function liveRelease(host: Machine, app = 'foobar'): Promise<string> {
  return (await host.say(`basename "$(readlink /srv/www/${app}/current)"`)).trim()
}

/** The units of all releases that run on the host, those that start or end among them. */
export async function runningReleases(host: Machine): Promise<readonly string[]> {
  const states = 'active,activating,deactivating'
  const units = await host.say(
    `systemctl list-units --plain --no-legend --state=${states} 'foobar@*' | cut -d' ' -f1`,
  )
  return units.split('\n').filter(Boolean)
}

export interface DeployOptions {
  readonly args?: readonly string[]
  readonly text?: boolean
  readonly vars?: Readonly<Record<string, unknown>>
  /** Settings of the inventory's hosts; absent: the machine as a sandbox host. */
  readonly hosts?: Readonly<Record<string, object>>
  /** A process of its own is killed after so many seconds; 120 by default. */
  readonly seconds?: number
}

/** deploy.mjs, rollback.mjs and releases.mjs for one machine: run here, or started as processes of their own. */
export function scripts(machine: Machine) {
  const given = (
    script: NonNullable<SiteOptions['script']>,
    args: readonly string[],
    options: DeployOptions,
  ): SiteOptions => ({
    script,
    hosts: options.hosts ?? machine,
    vars: options.vars ?? quick,
    args: [...args, ...(options.args ?? [])],
    text: options.text ?? false,
    seconds: options.seconds ?? 120,
  })
  return {
    startDeploy: (from: Source, options: DeployOptions = {}): RunningSite =>
      startSite(given('deploy', ['--source', from.folder], options)),
    deploy: (from: Source, options: DeployOptions = {}): Promise<SiteRun> =>
      runHere(given('deploy', ['--source', from.folder], options)),
    rollbackWith: (options: DeployOptions): Promise<SiteRun> => runHere(given('rollback', [], options)),
    rollback: (...args: readonly string[]): Promise<SiteRun> => runHere(given('rollback', args, {})),
    releases: (...args: readonly string[]): Promise<SiteRun> => runHere(given('releases', args, {})),
  }
}

const quick = { app: { release: { health: { timeout: '3s' } } } }
