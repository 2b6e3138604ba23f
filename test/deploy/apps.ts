import type { Site } from '#engine/vars.ts'

type Files = Readonly<Record<string, string>>

/** The smallest app of each runtime: it answers `ok <release>`, and takes five seconds for that at `/slow`. */
export const apps: Readonly<Record<Site['runtime'], Files>> = {
  php: {
    'public/index.php': `<?php
if (parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH) === '/slow') sleep(5);
echo 'ok ', getenv('RELEASE'), "\\n";
`,
  },
  python: {
    'wsgi.py': `import os, time
def application(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        time.sleep(5)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"ok {os.environ['RELEASE']}\\n".encode()]
`,
  },
  node: {
    'server.js': `const server = require('node:http').createServer((request, response) => {
  setTimeout(() => response.end('ok ' + process.env.RELEASE + '\\n'), request.url === '/slow' ? 5000 : 0)
})
server.listen(process.env.PORT)
process.once('SIGTERM', () => { server.close(); server.closeIdleConnections() })
`,
  },
  // Which release it is of is told in a header. What is slow here is the visitor.
  static: { 'public/index.html': 'ok\n', 'public/health': 'ok\n', 'public/slow': 'x'.repeat(16_000_000) },
}
