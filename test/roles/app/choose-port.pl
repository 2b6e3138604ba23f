# Managed by Capstan: roles/app/templates/etc/capstan/app/choose-port.pl.ejs; changes here are undone by the next run.
# Writes a TCP port for a release into its .capstan/port, as root: one that nothing listens on and no other release has. A release
# that starts again keeps the one that it had. Only root and the app itself can connect to it. Argument: the release's folder.
# Source: proc(5), /proc/net/tcp; 0A is LISTEN. nft(8).
my ($release) = @ARGV; my $file = "$release/.capstan/port"; my %taken;
# One at a time, until this ends: two that start together would find the same port free.
open my $lock, ">", "/run/capstan-port.lock" or die "/run/capstan-port.lock: $!\n"; flock $lock, 2 or die "flock: $!\n";
for my $table ("/proc/net/tcp", "/proc/net/tcp6") {
  open my $in, "<", $table or next;
  while (<$in>) { my @f = split; $taken{hex +(split /:/, $f[1])[-1]} = 1 if ($f[3] // "") eq "0A" }
}
my ($own) = port($file);
if ($own && !$taken{$own}) { guard(); exit }
$taken{$_} = 1 for map { port($_) } grep { $_ ne $file } glob "/srv/www/*/releases/*/.capstan/port";
my ($free) = grep { !$taken{$_} } 20000 .. 29999 or die "no port from 20000 to 29999 is free\n";
open my $out, ">", "$file.new" or die "$file: $!\n"; print $out "PORT=$free\n"; close $out or die "$file: $!\n";
rename "$file.new", $file or die "$file: $!\n";
guard();
# The proxy of an earlier start knows the earlier port; its socket starts it again.
system "systemctl", "stop", "--no-block", "capstan-port-foobar\@" . ($release =~ s{.*/}{}r) . ".service" if $own;
sub port { open my $in, "<", $_[0] or return; (<$in> // "") =~ /^PORT=(\d+)$/ }
# New connections are judged: later packets may have no owner any more. The firewall's file includes these rules, so that a restart of
# nftables keeps them; a file that nft refuses must not stop the firewall.
sub guard {
  my %of;
  for (glob "/srv/www/*/releases/*/.capstan/port") {
    my ($uid) = (getpwnam +(split m{/})[3])[2]; my ($port) = port($_);
    $of{$port} = $uid if defined $uid && $port;
  }
  return unless %of;
  my $rules = "table inet capstan_ports\ndelete table inet capstan_ports\ntable inet capstan_ports {\n  chain output {\n"
    . "    type filter hook output priority filter;\n    oif lo tcp dport { " . join(", ", sort keys %of) . " } tcp flags & (fin | syn | rst | ack) == syn jump guard\n  }\n  chain guard {\n"
    . "    meta skuid 0 accept\n" . join("", map { "    tcp dport $_ meta skuid $of{$_} accept\n" } sort keys %of)
    . "    reject with tcp reset\n  }\n}\n";
  my $rules_file = "/run/capstan-ports.nft";
  open my $out, ">", "$rules_file.new" or die "$rules_file: $!\n"; print $out $rules; close $out or die "$rules_file: $!\n";
  rename "$rules_file.new", $rules_file or die "$rules_file: $!\n";
  return if system("nft", "-f", $rules_file) == 0;
  unlink $rules_file;
  print STDERR "other users of this host can connect to the port, because nft did not load the rules\n";
}
