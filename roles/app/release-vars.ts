import { duration, flag, group, integer, list, optional, text } from '#engine/vars.ts'
import { kinds, runtimeName } from './kinds.ts'
import { reservedPath } from './names.ts'

const sharedFile = text({
  pattern: /[^/.][^/]*(\/[^/.][^/]*)*/,
  expects: 'a path within shared/',
  // A single file of public/ or deploy/ is a link among the release's own.
  reserved: reservedPath,
})

const projectPath = text({
  pattern: /(?!\.\.?(\/|$))[^/]+(\/(?!\.\.?(\/|$))[^/]+)*/,
  expects: 'a path within the project folder',
})

const pathInSource = {
  pattern: /(?!\.\.?(\/|$))[A-Za-z0-9_@.+-]+(\/(?!\.\.?(\/|$))[A-Za-z0-9_@.+-]+)*/,
  expects: 'a path within the source, of letters, digits and . _ - + @',
}

const debianPackage = text({
  pattern: /[a-z0-9][a-z0-9.+-]+/,
  max: 64,
  expects: 'the name of a Debian package',
})

/** How an app is built, installed, checked, made live and kept. */
export const releaseVars = group({
  source: text({
    default: ({ site }) => `roles/app/examples/${site.runtime}`,
    is: 'folder that deploy.mjs ships, relative to the project folder',
  }),
  build: optional(
    text({ is: 'shell command that builds the source; runs in the project folder before each deploy' }),
  ),
  test: optional(
    text({
      is: 'shell command that tests the app; test.mjs runs it in the project folder, and the workflows do before they deploy',
    }),
  ),
  paths: list(projectPath, {
    default: [],
    is: 'files and folders of the project that the release is made from, beside its source: src, package.json. A push that changes nothing else tests and deploys this site alone',
  }),
  keep: integer({
    min: 2,
    max: 100,
    default: 5,
    is: 'number of good releases to keep on a host for rollbacks',
  }),
  health: group({
    path: text({
      pattern: /\/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*/,
      expects: 'a path such as /health',
      default: '/health',
      is: 'path of the health check before and after the switch; it must return 200',
    }),
    timeout: duration({ default: '30s', is: 'time limit for the health check of a new release' }),
    passes: integer({ min: 1, max: 100, default: 2, is: 'number of successful health checks in a row' }),
  }),
  drain: duration({
    default: '30s',
    is: 'longest time the old release gets to finish its requests; it stops as soon as it has none in flight',
  }),
  assets: duration({
    default: '7d',
    is: 'how long files of public/ with a hash in their name stay available after their last release is removed, for pages that are already loaded; 0s: not at all',
  }),
  serial: optional(
    integer({
      min: 1,
      max: 1000,
      is: 'number of hosts that switch at the same time; default: all, once every host is ready',
    }),
  ),
  warm: flag({
    default: false,
    is: 'keep the previous release running for a faster rollback; this takes memory',
  }),
  files: list(sharedFile, {
    default: [],
    is: 'files of shared/ to link into each release, such as config/keys.json; a deploy stops if one is missing',
  }),
  install: group({
    command: optional(
      text({
        is: 'shell command that installs the dependencies of a release on the host, in the release folder, as the app’s user, before the migrations: npm ci --omit=dev',
      }),
    ),
    folders: list(text({ ...pathInSource, reserved: reservedPath }), {
      min: 1,
      default: ({ site }) => [kinds[runtimeName(site)].installs],
      is: 'folders of the release that the command fills; what the source has there is left out. Default: node_modules, vendor (PHP, program) or venv (Python)',
    }),
    files: list(text(pathInSource), {
      default: [],
      is: 'files and folders of the source that decide what is installed, in addition to the lock files and package lists of npm, pnpm, yarn, Composer, pip, Poetry, uv, Pipenv and Bundler: while they and the command are unchanged, a release gets the folders of an earlier one. If the source has none of them, every change installs again',
    }),
    packages: list(debianPackage, {
      default: [],
      is: 'Debian packages that the command needs, such as composer or python3-venv',
    }),
    timeout: duration({ default: '15m', is: 'time limit of the command' }),
  }),
  migrate: optional(
    text({
      is: 'command that migrates the database; runs on one host, in the release folder, before the switch; default: deploy/migrate of the source, if it exists',
    }),
  ),
  migrations: optional(
    list(text({ pattern: /[^/.][^/]*(\/[^/.][^/]*)*/, expects: 'a path within the source' }), {
      is: 'files and folders of the migrations; a deploy skips the migrations while these are unchanged; default: the folder migrations, or the whole source if there is no such folder',
    }),
  ),
  migrateTimeout: duration({ default: '15m', is: 'time limit of the migration' }),
  hookTimeout: duration({ default: '15m', is: 'time limit of each hook' }),
})
