# Managed by Capstan: roles/app/templates/etc/capstan/app/wait-for-socket.pl.ejs; changes here are undone by the next run.
# Ends once the app listens on the release's socket. Where it listens on a TCP port instead, says so: nginx would never reach it.
# Without modules: loading one takes longer than the work.
my ($pid) = @ARGV;
my ($socket, $told) = ("run/app.sock", 0);
for (my $tries = 0; !-S $socket; $tries++) {
  kill 0, $pid or exit 1;
  # An app may open a port for its metrics first: this is a hint until its time is up.
  if (!$told && $tries >= 100 && (my @ports = ports())) {
    $told = 1;
    print STDERR "server.js listens on TCP port @ports, and on no socket yet. nginx reaches it by the socket whose path is in PORT:",
      " let it listen on process.env.PORT as it is, not on a number or a port of its own\n";
  }
  select undef, undef, undef, 0.05;
}
chmod 0660, $socket or die "$socket: $!\n";

# The TCP ports that the app's processes of this user listen on. Source: proc(5), /proc/net/tcp; 0A is LISTEN.
sub ports {
  my %port;
  for my $table ("/proc/$pid/net/tcp", "/proc/$pid/net/tcp6") {
    open my $in, "<", $table or next;
    while (<$in>) { my @f = split; $port{$f[9]} = hex +(split /:/, $f[1])[-1] if ($f[3] // "") eq "0A" && $f[7] == $> }
  }
  my %seen; opendir my $all, "/proc/$pid/fd" or return;
  sort { $a <=> $b } grep { !$seen{$_}++ } map { (readlink "/proc/$pid/fd/$_" // "") =~ /^socket:\[(\d+)\]$/ && exists $port{$1} ? $port{$1} : () } readdir $all;
}
