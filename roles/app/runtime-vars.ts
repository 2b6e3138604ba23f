import { bytes, choice, command, group, integer, list, optional, seconds, text } from '#engine/vars.ts'

const extension = text({
  pattern: /[a-z0-9][a-z0-9-]*/,
  max: 64,
  expects: 'the name of a php extension as Debian’s packages have it, such as gd or redis',
})

const module = text({
  pattern: /[a-z0-9][a-z0-9.-]*/,
  max: 64,
  expects: 'a module’s name as Debian’s packages have it, such as pymysql',
})

/** What each runtime has of its own, by its name. */
export const runtimeVars = {
  php: group({
    version: optional(
      text({
        pattern: /\d\.\d/,
        expects: 'a version such as 8.3',
        is: 'version of PHP; sites can have different ones; default: that of the distribution. Another version needs a repository in base.sources',
      }),
    ),
    extensions: list(extension, {
      default: ['curl', 'mbstring', 'mysql', 'xml'],
      is: 'PHP extensions in addition to those of php-cli',
    }),
    memory: bytes({ default: '128m', is: 'memory limit of one request' }),
    upload: bytes({ default: ({ site }) => site.upload, is: 'largest upload; default: site.upload' }),
    timeout: seconds({ default: '60s', is: 'time limit of one request' }),
    workers: optional(
      integer({
        min: 1,
        max: 1000,
        is: 'number of concurrent requests; default: half of the host’s memory above 512 MiB, at 64 MiB each',
      }),
    ),
  }),
  python: group({
    server: choice(['gunicorn', 'uwsgi'], { default: 'gunicorn', is: 'application server' }),
    application: text({
      pattern: /[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*/,
      expects: 'a module and a name in it, such as wsgi:application',
      default: 'wsgi:application',
      is: 'WSGI application in the release, as module:name',
    }),
    modules: list(module, {
      default: ['pymysql'],
      is: 'Debian packages to install, as python3-<name>; modules in vendor/ of the release take precedence',
    }),
    workers: optional(
      integer({
        min: 1,
        max: 256,
        is: 'number of processes; default: two per CPU plus one, at most half of the host’s memory above 512 MiB at 128 MiB each',
      }),
    ),
    threads: integer({ min: 1, max: 256, default: 4, is: 'number of concurrent requests per process' }),
    timeout: seconds({
      default: '60s',
      is: 'time limit of a blocked process (gunicorn) or of a request (uWSGI)',
    }),
  }),
  program: group({
    command: command({
      default: ['bin/server'],
      is: 'program and arguments, run in the release folder; a program name with a / is a path in the release. It must listen on PORT (see listens) and finish its requests on SIGTERM',
    }),
    listens: choice(['socket', 'port'], {
      default: 'socket',
      is: 'what PORT is: the path of a Unix socket, or a TCP port of 127.0.0.1, another one for each release',
    }),
    packages: list(module, { default: [], is: 'Debian packages that it needs, such as ruby' }),
  }),
  node: group({
    entry: text({
      pattern: /[A-Za-z0-9_][A-Za-z0-9._-]*(\/[A-Za-z0-9_][A-Za-z0-9._-]*)*/,
      expects: 'a file within the release, such as server.js',
      default: 'server.js',
      is: 'file that Node runs; it must listen on PORT (see listens) and shut down cleanly on SIGTERM',
    }),
    listens: choice(['socket', 'port'], {
      default: 'socket',
      is: 'what PORT is: the path of a Unix socket, or for an app that can’t listen on one, a TCP port of 127.0.0.1, another one for each release',
    }),
    version: optional(
      text({
        pattern: /\d{2}\.\d{1,3}\.\d{1,3}/,
        expects: 'a version such as 22.11.0',
        is: 'version of Node, from the official archive; sites can have different ones; default: the version of Debian',
      }),
    ),
    sha256: optional(
      text({
        pattern: /[0-9a-f]{64}/,
        expects: '64 hex digits',
        is: 'checksum of that archive, node-v<version>-linux-<x64 or arm64>.tar.gz, from https://nodejs.org/dist/v<version>/SHASUMS256.txt; required with version',
      }),
    ),
    url: optional(
      text({
        pattern: /https?:\/\/[A-Za-z0-9.:@%_~/+-]+\.(tar\.gz|tgz)/,
        expects: 'the URL of a .tar.gz',
        is: 'URL of the archive on a mirror; bin/node must be in its top folder',
      }),
    ),
    modules: optional(
      list(module, {
        is: 'Debian packages to install, as node-<name>; node_modules/ of the release takes precedence; default: mysql with the Node of Debian, none with another version',
      }),
    ),
  }),
}
