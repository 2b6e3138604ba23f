/** A small app for each runtime: it answers `ok <release>` to anything, and takes five seconds for `/slow`. */
export interface RuntimeApp {
  /** Vars of the site for it. */
  readonly vars: { readonly site: object; readonly app?: object }
  /** By path; `n` makes one content differ from another. */
  files(n: number): Readonly<Record<string, string>>
  /** Files alone take no time. */
  readonly slow: boolean
}

const php = `<?php
if (parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH) === '/slow') sleep(5);
echo 'ok ', getenv('RELEASE'), "\\n";
`

const python = `import os, time
def application(environ, start_response):
    if environ['PATH_INFO'] == '/slow':
        time.sleep(5)
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [f"ok {os.environ['RELEASE']}\\n".encode()]
`

const node = `const { createServer } = require('node:http')
const server = createServer((request, response) => {
  const answer = () => response.end('ok ' + process.env.RELEASE + '\\n')
  if (request.url === '/slow') setTimeout(answer, 5000)
  else answer()
})
server.listen(process.env.PORT)
process.on('SIGTERM', () => server.close(() => process.exit()))
`

export const runtimeApps: Readonly<Record<string, RuntimeApp>> = {
  php: {
    vars: { site: { runtime: 'php' } },
    files: n => ({ 'public/index.php': php, 'n.txt': String(n) }),
    slow: true,
  },
  gunicorn: {
    vars: { site: { runtime: 'python' }, app: { python: { server: 'gunicorn' } } },
    files: n => ({ 'wsgi.py': python, 'public/n.txt': String(n) }),
    slow: true,
  },
  uwsgi: {
    vars: { site: { runtime: 'python' }, app: { python: { server: 'uwsgi' } } },
    files: n => ({ 'wsgi.py': python, 'public/n.txt': String(n) }),
    slow: true,
  },
  node: {
    vars: { site: { runtime: 'node' } },
    files: n => ({ 'server.js': node, 'public/n.txt': String(n) }),
    slow: true,
  },
  static: {
    vars: { site: { runtime: 'static' } },
    files: n => ({ 'public/index.html': 'ok', 'public/health': 'ok', 'public/n.txt': String(n) }),
    slow: false,
  },
}
