# Reads addresses in hex, NUL between them. Prints records of NUL-ended fields, their number first:
#   absent ADDRESS                              for each that is not one of this host's
#   socket PROTOCOL ADDRESS PORT PROCESS UNIT   for each that listens; ADDRESS `any`: all of IPv4 and IPv6
#   clients FIRST LAST                          the ports that the kernel gives to clients
# and after an empty field systemd's word of the socket units that are loaded or start with others. sockets.pl is part of it.
local $/; my @wanted = split /\0/, <STDIN>; $/ = "\n"; $| = 1;
for my $address (@wanted) { record("absent", $address) unless can_bind("udp", $address, 0) }
my @all = listening(); my $owner = owners(map { $_->[3] } @all);
for (@all) { my ($protocol, $address, $port, $inode) = @$_; my $pid = $owner->{$inode} // "none";
  chomp(my $process = text("/proc/$pid/comm"));
  record("socket", $protocol, $address, $port, $process, unit_of($pid)) }
record("clients", split " ", text("/proc/sys/net/ipv4/ip_local_port_range") || "32768 60999");
print "\0";
my %units; for my $root (qw(/etc /run /usr/lib /lib)) { for my $folder (grep { /\.(wants|requires)$/ } entries("$root/systemd/system")) {
  $units{$_} = 1 for grep { /\.socket$/ } entries("$root/systemd/system/$folder") } }
exec qw(systemctl show -p Id -p Listen -p Triggers -p ActiveState -p UnitFileState -p WantedBy -p BindIPv6Only --), "*.socket", sort keys %units;

sub record { print join "\0", scalar @_, @_, "" }
sub entries { opendir my $dir, $_[0] or return; readdir $dir }
sub text { open my $in, "<", $_[0] or return ""; local $/; <$in> // "" }

# A process of each inode: the first one, which opened it for those that came after. Root of a container may not see all.
sub owners { my %left = map { $_ => 1 } @_; my %owner;
  for my $pid (sort { $a <=> $b } grep { /^\d+$/ } entries("/proc")) { last unless %left;
    for my $fd (entries("/proc/$pid/fd")) { my ($inode) = (readlink "/proc/$pid/fd/$fd" // "") =~ /^socket:\[(\d+)\]/ or next;
      $owner{$inode} = $pid if delete $left{$inode} } }
  \%owner }

# `nginx.service`; empty for the processes of users. A kernel may have several hierarchies of cgroups: systemd's is the one in which
# process 1 is in init.scope. In a container the paths there begin with that of the container.
sub unit_of { my ($begin) = text("/proc/1/cgroup") =~ m{^(\d+:[^:]*:.*)/init\.scope$}m or return "";
  my ($path) = text("/proc/$_[0]/cgroup") =~ m{^\Q$begin\E(/.*)}m or return "";
  $path =~ m{^/user\.slice/} ? "" : $path =~ m{^.*\.slice/([^/]+\.(?:service|scope))} ? $1 : $path eq "/init.scope" ? "init.scope" : "" }
