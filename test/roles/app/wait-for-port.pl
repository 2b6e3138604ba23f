# Managed by Capstan: roles/app/templates/etc/capstan/app/wait-for-port.pl.ejs; changes here are undone by the next run.
# Ends once the app takes connections on 127.0.0.1 at the port that PORT says. 2 and 1 are AF_INET and SOCK_STREAM.
my ($pid) = @ARGV; my $told;
for (my $tries = 0; ; $tries++) {
  kill 0, $pid or exit 1;
  socket my $to, 2, 1, 0 or die "socket: $!\n";
  last if connect $to, pack "S n C4 x8", 2, $ENV{PORT}, 127, 0, 0, 1;
  if ($tries == 100) { print STDERR "server.js does not listen on 127.0.0.1 port $ENV{PORT} yet, which PORT says\n" }
  select undef, undef, undef, 0.05;
}
