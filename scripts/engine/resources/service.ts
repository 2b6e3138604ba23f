import { join } from 'node:path'
import { quote, quoteAll } from '#engine/quote.ts'
import { wantedFile } from './file.ts'
import { type FoundPath, path, type WantedPath } from './path.ts'
import {
  type Declare,
  type DeclareOptions,
  differs,
  type Kind,
  known,
  type State,
  unknown,
} from './resource.ts'
import { render } from './template.ts'

export interface ServiceOptions extends DeclareOptions {
  /** Starts at boot (true) or doesn't (false); absent: not looked at. */
  readonly enabled?: boolean
  /** Active now (true) or not (false); absent: not looked at. */
  readonly running?: boolean
  /** true: stopped, and nothing can start it, no package and no boot; its unit need not exist. */
  readonly masked?: true
}

interface WantedService {
  readonly unit: string
  readonly enabled: boolean | undefined
  readonly running: boolean | undefined
  readonly masked: boolean
}

interface FoundService {
  /** `loaded`, `not-found`, `masked` … */
  readonly load: string
  /** `active`, `inactive`, `failed`, `activating` … */
  readonly active: string
  /** `enabled`, `disabled`, `static`, `masked` …; empty for a unit that isn't there. */
  readonly file: string
  /** Its file changed on disk since systemd read it, or could not be read then. */
  readonly stale: boolean
}

/** Units of systemd, all in one `systemctl show`. Source: systemctl(1), properties Load-, Active- and UnitFileState. */
const units: Kind<WantedService, FoundService> = {
  noun: 'service',
  // `apply` has systemd read what its unit needs.
  usesUnits: false,

  probe(items) {
    return `systemctl show -p LoadState,ActiveState,UnitFileState,NeedDaemonReload -- ${quoteAll(items.map(i => i.unit))}\n`
  },

  parse(output, items) {
    const blocks = output.toString().trim().split('\n\n')
    if (blocks.length !== items.length) throw new Error(`${items.length} units asked, ${blocks.length} shown`)
    return blocks.map(readBlock)
  },

  diff(wanted, found) {
    const running = found.active === 'active' || found.active === 'reloading'
    return [
      ...(wanted.masked ? differs('unit file', found.file || found.load, 'masked') : []),
      ...differs('unit file', found.stale ? 'changed since systemd read it' : 'read', 'read'),
      ...(wanted.enabled === undefined
        ? []
        : differs('enabled', yes(isEnabled(found.file)), yes(wanted.enabled))),
      ...(wanted.running === undefined || running === wanted.running
        ? []
        : [{ what: 'running', found: found.active, wanted: wanted.running ? 'active' : 'inactive' }]),
    ]
  },

  apply(wanted, found) {
    const unit = quote(wanted.unit)
    return [
      found.stale ? `unit_stale ${unit}\n` : '',
      wanted.masked ? `systemctl mask -q -- ${unit}\n` : '',
      wanted.enabled === undefined
        ? ''
        : `systemctl ${wanted.enabled ? 'enable' : 'disable'} -q --no-reload -- ${unit}\nunits_enabled\n`,
      wanted.running === true ? `unit_current ${unit}\nunit_start ${unit}\n` : '',
      wanted.running === false && found.load !== 'not-found' ? `systemctl stop -- ${unit}\n` : '',
    ].join('')
  },
}

export interface DeclareService {
  (unit: string, options: ServiceOptions): void
  /** Shell for a handler: reloads, and fails with the unit's last log lines where it doesn't stay active. */
  reload(unit: string, options?: ReloadOptions): string
  /** Shell for a handler: restarts, likewise. */
  restart(unit: string): string
}

export interface ReloadOptions {
  /**
   * The reload counts only when the main process has new children within 5 s. nginx answers a reload with 0 and
   * keeps its old workers when the new configuration can't be brought in force (a port that is taken).
   */
  readonly newWorkers?: boolean
  /** File of the service whose last lines an error shows beside those of the journal, where no new workers come. */
  readonly log?: string
  /** One that isn't running is left so; without this it is started. */
  readonly ifActive?: boolean
}

/** `service('nginx', { enabled: true, running: true })`; a name without a suffix is a `.service`. */
export function service(declare: Declare): DeclareService {
  const wanted = (name: string, options: ServiceOptions) =>
    declare(
      units,
      {
        name,
        wanted: {
          unit: unitName(name),
          enabled: options.enabled,
          running: options.masked ? false : options.running,
          masked: options.masked ?? false,
        },
      },
      options,
    )
  return Object.assign(wanted, {
    reload(name: string, options: ReloadOptions = {}) {
      const unit = quote(unitName(name))
      const log = options.log === undefined ? '' : ` ${quote(options.log)}`
      const reloaded = options.newWorkers ? `unit_renew ${unit}${log}\n` : `unit_reload ${unit}\n`
      return options.ifActive ? `if systemctl is-active -q -- ${unit}; then\n${reloaded}fi\n` : reloaded
    },
    restart: (name: string) => `unit_restart ${quote(unitName(name))}\n`,
  })
}

export interface UnitOptions extends DeclareOptions {
  /** The unit's text; absent: the role's template `etc/systemd/system/<name>` with these `vars`. */
  readonly content?: string
  readonly vars?: Readonly<Record<string, unknown>>
  /** The template's path below `templates/`, where it isn't the path on the host. */
  readonly from?: string
}

export interface DeclareUnit {
  (name: string, options?: UnitOptions): void
  absent(name: string, options?: DeclareOptions): void
}

/**
 * `unit('foobar@.service', { from: 'etc/systemd/system/app@.service', vars })`: a unit file in /etc/systemd/system,
 * loaded; also a drop-in, `unit('nginx.service.d/limits.conf')`. `unit.absent(name)`: none there, and none loaded.
 */
export function unit(declare: Declare, role: { readonly directory: string }): DeclareUnit {
  const present = (name: string, options: UnitOptions = {}): void => {
    const at = `/etc/systemd/system/${name}`
    const template = () => join(role.directory, 'templates', `${options.from ?? at}.ejs`)
    const content = options.content ?? render(template(), options.vars ?? {})
    declare(unitFile, { noun: 'unit', name, wanted: wantedFile(at, { content }) }, options)
  }
  const absent = (name: string, options: DeclareOptions = {}): void =>
    declare(
      unitFile,
      { noun: 'unit', name, wanted: { type: 'absent', path: `/etc/systemd/system/${name}` } },
      options,
    )
  return Object.assign(present, { absent })
}

// A unit file is a file that systemd has to read before anything uses it. One that is away is used by nothing.
const unitFile: Kind<WantedPath, FoundPath> = {
  ...path,
  apply: (wanted, found) =>
    `${path.apply(wanted, found)}${wanted.type === 'absent' ? 'units_changed' : `unit_read ${quote(wanted.path)}`}\n`,
}

function readBlock(block: string): State<FoundService> {
  const values = new Map(
    block.split('\n').map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
  const load = values.get('LoadState') ?? ''
  if (load === '') return unknown('systemd did not say its state')
  return known({
    load,
    active: values.get('ActiveState') ?? '',
    file: values.get('UnitFileState') ?? '',
    // systemd keeps `error` of a file that was away for a moment, and does not take it for stale.
    stale: values.get('NeedDaemonReload') === 'yes' || load === 'error',
  })
}

function isEnabled(state: string): boolean {
  return ['enabled', 'enabled-runtime', 'static', 'alias', 'indirect', 'generated'].includes(state)
}

/** `nginx` → `nginx.service`; a name with a suffix stays. Throws RangeError on what is no unit's name. */
export function unitName(name: string): string {
  if (!/^[A-Za-z0-9:_.\\@-]+$/.test(name))
    throw new RangeError(`expected a unit's name, got ${JSON.stringify(name)}`)
  return /\.(service|socket|timer|target|mount|path)$/.test(name) ? name : `${name}.service`
}

function yes(value: boolean): string {
  return value ? 'yes' : 'no'
}
