# Waits until an instance has no requests in flight, and says what is left: the number of its web sockets,
# and that of its other connections, of nginx and not yet taken up ones included. Arguments: SOCKET SECONDS.
use strict;
my ($socket, $seconds) = @ARGV;
my ($dir) = $socket =~ m{(.*)/};
my $end = now() + $seconds;
my ($quiet, $lasting, $left) = (0, 0, 0);
while (now() < $end) {
  $left = connections();
  if (!defined $left) { sleep 1; last }
  $lasting = websockets();
  $left -= $lasting if $left >= $lasting;
  $quiet = $left ? 0 : $quiet + 1;
  # An answer may be on its way between two connections.
  last if $quiet == 5;
  select undef, undef, undef, 0.05;
}
print "$lasting ", $left // 0, "\n";

# Undefined where nothing listens. Source: proc_pid_net(5), unix.
sub connections {
  my ($listens, $n) = (0, 0);
  open my $all, "<", "/proc/net/unix" or return;
  while (<$all>) {
    my (undef, undef, undef, $flags, undef, undef, undef, $path) = split;
    next unless ($path // "") eq $socket;
    if ($flags eq "00010000") { $listens = 1 } else { $n++ }
  }
  $listens ? $n : undef;
}

# As what runs notes them (the app role's websockets.cjs); a process that is gone has none.
sub websockets {
  my $sum = 0;
  opendir my $all, $dir or return 0;
  for my $name (readdir $all) {
    next unless $name =~ /^websockets\.(\d+)$/ && -e "/proc/$1" && open my $in, "<", "$dir/$name";
    $sum += $1 if (<$in> // "") =~ /^(\d+)$/;
  }
  $sum;
}

# Seconds since the boot, to a hundredth. POSIX would take longer to load than all the rest; Time::HiRes is not of perl-base.
sub now { open my $up, "<", "/proc/uptime" or die "/proc/uptime: $!\n"; (split ' ', <$up>)[0] }
