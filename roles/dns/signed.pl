# What resolvers find of a signed zone: its keys, its signatures, and the DS records of its parent. perl-base alone.
use strict; use Socket qw(:all);
our $database = "/var/lib/powerdns/dnssec/bind-dnssec.db";

# records(ADDRESS, NAME, TYPE): ([type, ttl, data], …) of the answer, signatures among them; undef without a whole answer. Sets
# $heard where the server sent any.
# Source: RFC 1035, 4.1; RFC 3225 (DO).
my $heard;
sub records { my ($at, $name, $type) = @_; my $six = $at =~ /:/;
  socket my $s, $six ? AF_INET6 : AF_INET, SOCK_DGRAM, 0 or return;
  connect $s, $six ? pack_sockaddr_in6(53, inet_pton(AF_INET6, $at)) : pack_sockaddr_in(53, inet_pton(AF_INET, $at)) or return;
  my $question = join("", map { pack "C/a*", $_ } split /\./, $name) . pack "Cn2", 0, $type, 1;
  for my $try (1, 2) { my $id = int rand 65536;
    defined send $s, pack("n6", $id, 0x0100, 1, 0, 0, 1) . $question . pack("CnnNn", 0, 41, 1232, 0x8000, 0), 0 or next;
    vec(my $ready = "", fileno $s, 1) = 1; select $ready, undef, undef, 0.7 or next;
    defined recv $s, my $answer, 4096, 0 or next; my ($same, $flags, undef, $count) = unpack "n4", $answer;
    next unless length $answer >= 12 && $same == $id; $heard = 1;
    # TC: what is missing from a truncated answer may still exist.
    return if $flags & 0x200 || ($flags & 15) != 0 && ($flags & 15) != 3;
    my ($o, @found) = (12 + length $question);
    for (1 .. $count) { while ((my $n = ord substr $answer, $o, 1) != 0) { if ($n > 63) { $o++; last } $o += $n + 1 }
      my ($is, undef, $ttl, $size) = unpack "n2Nn", substr $answer, ++$o, 10; push @found, [$is, $ttl, substr $answer, $o + 10, $size]; $o += 10 + $size }
    return \@found }
  return }

# signed(ADDRESS, ZONE): { keys => [{tag, algorithm, digest, ttl}, …], until => the end of the SOA record's signatures, epoch };
# undef where the server gives no answer. Source: RFC 4034, 2, 3, 5.1.4 and B.
sub signed { my ($at, $zone) = @_; my $dnskey = records($at, $zone, 48) or return; my $soa = records($at, $zone, 6) or return;
  my @keys = map { my ($type, $ttl, $data) = @$_; $type == 48 && unpack("n", $data) & 1 ? {
    tag => tag($data), algorithm => ord(substr $data, 3, 1), digest => digest(join("", map { pack "C/a*", $_ } split(/\./, lc $zone), "") . $data), ttl => $ttl } : () } @$dnskey;
  my ($until) = sort { $a <=> $b } map { $_->[0] == 46 ? unpack "x8N", $_->[2] : () } @$soa;
  return { keys => \@keys, until => $until } }
sub tag { my ($sum, $at) = (0, 0); $sum += $at++ & 1 ? $_ : $_ << 8 for unpack "C*", $_[0]; ($sum + ($sum >> 16 & 0xffff)) & 0xffff }
sub digest { my $hex = unpack "H*", $_[0]; my $sum = qx(perl -e 'print pack "H*", shift' $hex | sha256sum); uc substr $sum, 0, 64 }
sub ds { my ($zone, $key) = @_; "$zone. IN DS $key->{tag} $key->{algorithm} 2 $key->{digest}" }

# parent(ZONE): the DS records that the host's resolver finds, as [tag, algorithm, digest type, digest]; undef without an answer.
# Where no resolver answers at all, none is asked for further zones.
my $silent;
sub parent { my ($zone) = @_; return if $silent; $heard = 0; open my $conf, "<", "/etc/resolv.conf" or return;
  for my $at (map { /^nameserver\s+([\d.]+|[\da-f:]+)\s*$/i ? $1 : () } <$conf>) {
    my $found = records($at, $zone, 43) or next;
    return [map { $_->[0] == 43 ? [unpack("nCC", $_->[2]), uc unpack "H*", substr $_->[2], 4] : () } @$found] }
  $silent = !$heard; return }
# Whether a DS record is that of a key; of another digest than SHA-256, by its tag.
sub names { my ($ds, $key) = @_; $ds->[0] == $key->{tag} && $ds->[1] == $key->{algorithm} && ($ds->[2] != 2 || $ds->[3] eq $key->{digest}) }
