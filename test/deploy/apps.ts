import type { RuntimeName } from '#roles/app/kinds.ts'

type Files = Readonly<Record<string, string>>

/** The smallest app of each runtime: it answers `ok <release>`, and takes so many seconds for that at `/slow5`. */
export const apps: Readonly<Record<RuntimeName, Files>> = {
  php: {
    'public/index.php': `<?php
if (preg_match('/^.slow(\\d)/', $_SERVER['REQUEST_URI'], $of)) sleep((int) $of[1]);
echo 'ok ', getenv('RELEASE'), "\\n";
`,
  },
  python: {
    'wsgi.py': `import os, time
def application(environ, start_response):
    time.sleep(int(environ["PATH_INFO"].partition("/slow")[2] or 0))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"ok {os.environ['RELEASE']}\\n".encode()]
`,
  },
  node: {
    'server.js': `const server = require('node:http').createServer((request, response) => {
  setTimeout(() => response.end('ok ' + process.env.RELEASE + '\\n'), 1000 * Number(request.url.split('/slow')[1] ?? 0))
})
server.listen(process.env.PORT)
process.once('SIGTERM', () => { server.close(); server.closeIdleConnections() })
`,
  },
  program: {
    'bin/server*': `#!/usr/bin/perl
use strict; use Socket; my ($port, $release) = @ENV{qw(PORT RELEASE)}; $SIG{CHLD} = "IGNORE"; my $ending = 0;
if ($port =~ m{^/}) { socket S, PF_UNIX, SOCK_STREAM, 0; bind S, sockaddr_un($port) or die "$port: $!" }
else { socket S, PF_INET, SOCK_STREAM, 0; setsockopt S, SOL_SOCKET, SO_REUSEADDR, 1; bind S, sockaddr_in($port, inet_aton($ENV{HOST})) or die "$port: $!" }
listen S, 511; $SIG{TERM} = sub { $ending = 1; close S };
until ($ending) { accept my $c, S or next; if (fork) { close $c; next }
  $SIG{TERM} = "IGNORE"; my ($path) = (<$c> // "") =~ m{ (\\S+)}; while (<$c>) { last if /^\\r?$/ }
  sleep $1 if $path =~ m{^/slow(\\d)}; my $body = "ok $release\\n"; select $c; $| = 1;
  print "HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: ", length $body, "\\r\\n\\r\\n$body"; exit }
1 while wait() > 0;
`,
  },
  // Which release it is of is told in a header. What is slow here is the visitor.
  static: {
    'public/index.html': 'ok\n',
    'public/health': 'ok\n',
    'public/slow1': 'x'.repeat(16_000_000),
    'public/slow5': 'x'.repeat(16_000_000),
  },
}
