/** Shell that serves the files of a folder of the host at http://127.0.0.1:PORT until it is rebooted. */
export function fileServer(folder: string, port: number): string {
  return String.raw`cat >/srv/http-${port}.pl <<'END'
use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => ${port}, Listen => 9, ReuseAddr => 1) or die;
while (my $c = $s->accept) { my ($path) = (<$c> // "") =~ m{^GET /(\S+)}; while (<$c>) { last if /^\r?$/ }
  if (open my $f, "<", "${folder}/$path") { local $/; my $b = <$f>; print $c "HTTP/1.1 200 OK\r\nContent-Length: ", length $b, "\r\nConnection: close\r\n\r\n$b" }
  else { print $c "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" } close $c }
END
systemctl is-active -q http-${port} || systemd-run -q -u http-${port} perl /srv/http-${port}.pl
`
}
