import { Secret } from '#engine/secret.ts'
import { checkedPath } from './checked.ts'
import { path, type WantedPath } from './path.ts'
import type { Declare, DeclareOptions } from './resource.ts'

export interface AttributeOptions extends DeclareOptions {
  /** Octal digits: `'0640'`. The default of a file is 0644, of one with a secret 0600, and of a directory 0755. */
  readonly mode?: string
  /** `root` by default. */
  readonly owner?: string
  /** The owner's name by default. */
  readonly group?: string
}

export interface FileOptions extends AttributeOptions {
  /** The whole file. A Secret is written and never shown. Absent: the file must exist, whatever is in it. */
  readonly content?: string | Buffer | Secret
}

export interface DeclareFile {
  (at: string, options?: FileOptions): void
  /** Nothing may be at this path; a directory goes with all that is in it. */
  absent(at: string, options?: DeclareOptions): void
}

/** `file('/etc/motd', { content: 'hello\n' })` and `file.absent('/etc/motd')`. */
export function file(declare: Declare): DeclareFile {
  const present = (at: string, options: FileOptions = {}) =>
    declare(path, { noun: 'file', name: at, wanted: wantedFile(at, options) }, options)
  return Object.assign(present, {
    absent: (at: string, options: DeclareOptions = {}) =>
      declare(path, { noun: 'file', name: at, wanted: { type: 'absent', path: checkedPath(at) } }, options),
  })
}

/** `directory('/srv/www', { owner: 'deploy' })`; its parent must exist. */
export function directory(declare: Declare) {
  return (at: string, options: AttributeOptions = {}): void =>
    declare(
      path,
      {
        noun: 'directory',
        name: at,
        wanted: { type: 'directory', path: checkedPath(at), ...attributes(options, '0755') },
      },
      options,
    )
}

/** `link('/etc/nginx/sites-enabled/site.conf', '../sites-available/site.conf')`: a symbolic link at the first path. */
export function link(declare: Declare) {
  return (at: string, target: string, options: DeclareOptions = {}): void =>
    declare(
      path,
      { noun: 'link', name: at, wanted: { type: 'link', path: checkedPath(at), target } },
      options,
    )
}

/** The file at `at` as `path` wants it. */
export function wantedFile(at: string, options: FileOptions): WantedPath {
  const secret = options.content instanceof Secret
  const content = options.content instanceof Secret ? options.content.reveal() : options.content
  return {
    type: 'file',
    path: checkedPath(at),
    content: content === undefined ? undefined : Buffer.from(content),
    secret,
    ...attributes(options, secret ? '0600' : '0644'),
  }
}

/** Those that the options give, with `mode` as the default. Throws RangeError on a mode that is none. */
export function attributes(options: AttributeOptions, mode: string) {
  const owner = options.owner ?? 'root'
  return { mode: octal(options.mode ?? mode), owner, group: options.group ?? owner }
}

function octal(mode: string): string {
  if (!/^[0-7]{3,4}$/.test(mode))
    throw new RangeError(`expected a mode such as '0640', got ${JSON.stringify(mode)}`)
  return mode.padStart(4, '0')
}
