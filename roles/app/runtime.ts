import type { Facts } from '#engine/converge/facts.ts'
import type { Site, VarsOf } from '#engine/vars.ts'
import type vars from './vars.ts'

/** Where a release has the configuration that it was started with; `%i` is the release. */
export function ownConfig(app: string): string {
  return `/srv/www/${app}/releases/%i/.capstan/config`
}

export type AppVars = VarsOf<typeof vars>

export interface RuntimeInput {
  readonly vars: AppVars
  readonly site: Site
  readonly facts: Facts
}

/** What runs an app: all that differs between one runtime and another, as values. */
export interface Runtime {
  /** The file or folder of a release that it runs: a release without it is none of this runtime's. */
  readonly entry: string
  /** What nginx speaks with its socket; `files`: there is none, nginx serves the files of public/. */
  readonly upstream: 'fastcgi' | 'http' | 'files'
  readonly packages: readonly string[]
  /** Units of the packages' own that must not run: each release has its own server. */
  readonly masked: readonly string[]
  /** Folders of shared/ that the runtime itself writes to, for the app's user alone. */
  readonly folders: readonly string[]
  readonly config:
    | {
        /** Below /etc/capstan/<app>, and for each release as it started below `ownConfig`. */
        readonly files: Readonly<Record<string, Readonly<Record<string, unknown>>>>
        /** Shell that fails when the server would not start with these files. */
        readonly test: string
      }
    | undefined
  /** The app listens on a TCP port of the release's own: a proxy connects the release's socket to it. */
  readonly port?: boolean
  /** Archives from elsewhere, unpacked without the first folder of their names; sites may have the same. */
  readonly archives?: readonly { readonly path: string; readonly url: string; readonly sha256: string }[]
  /** Links below /opt to programs of the system, by their path; sites may have the same. */
  readonly links?: Readonly<Record<string, string>>
  /** Variables of the app, its hooks and its commands. */
  readonly environment?: Readonly<Record<string, string>>
  /** Lines of [Service] that a release's server and its workers have in common; `%i` is the release. */
  readonly common: readonly string[]
  /** Lines of the server's alone. */
  readonly service: readonly string[]
  /** Lines that come after the sandbox's own: what this one can't do without. */
  readonly allowed: readonly string[]
}
