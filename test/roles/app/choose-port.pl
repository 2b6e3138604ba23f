# Managed by Capstan: roles/app/templates/etc/capstan/app/choose-port.pl.ejs; changes here are undone by the next run.
# Writes a TCP port for a release into its .capstan/port, as root: one that nothing listens on and no other release has. A release
# that starts again keeps the one that it had. Argument: the release's folder. Source: proc(5), /proc/net/tcp; 0A is LISTEN.
my ($release) = @ARGV; my $file = "$release/.capstan/port"; my %taken;
# One at a time, until this ends: two that start together would find the same port free.
open my $lock, ">", "/run/capstan-port.lock" or die "/run/capstan-port.lock: $!\n"; flock $lock, 2 or die "flock: $!\n";
for my $table ("/proc/net/tcp", "/proc/net/tcp6") {
  open my $in, "<", $table or next;
  while (<$in>) { my @f = split; $taken{hex +(split /:/, $f[1])[-1]} = 1 if ($f[3] // "") eq "0A" }
}
my ($own) = port($file);
exit if $own && !$taken{$own};
$taken{$_} = 1 for map { port($_) } grep { $_ ne $file } glob "/srv/www/*/releases/*/.capstan/port";
my ($free) = grep { !$taken{$_} } 20000 .. 29999 or die "no port from 20000 to 29999 is free\n";
open my $out, ">", "$file.new" or die "$file: $!\n"; print $out "PORT=$free\n"; close $out or die "$file: $!\n";
rename "$file.new", $file or die "$file: $!\n";
# The proxy of an earlier start knows the earlier port; its socket starts it again.
system "systemctl", "stop", "--no-block", "capstan-port-foobar\@" . ($release =~ s{.*/}{}r) . ".service" if $own;
sub port { open my $in, "<", $_[0] or return; (<$in> // "") =~ /^PORT=(\d+)$/ }
