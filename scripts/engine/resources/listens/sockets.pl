# The sockets on which this host takes connections and datagrams, as the kernel has them. No modules: see prelude.sh.

# A list of [protocol, address in hex, port, inode]. In /proc/net/tcp those that listen come before all connections.
# Source: tcp_seq_start() of net/ipv4/tcp_ipv4.c.
sub listening { my @all;
  for my $table (qw(tcp tcp6 udp udp6)) { open my $in, "<", "/proc/net/$table" or next; <$in>; my $is_tcp = $table =~ /tcp/;
    while (<$in>) { my (undef, $local, $remote, $state, undef, undef, undef, undef, undef, $inode) = split;
      if ($is_tcp) { last if $state ne "0A" } elsif ($remote !~ /^0+:0000$/) { next }
      # Each 32 bits are printed as a number of this machine.
      my ($address, $port) = split /:/, $local; $address = unpack "H*", pack "L*", map hex, $address =~ /.{8}/g;
      push @all, [substr($table, 0, 3), $address, hex $port, $inode] } }
  # One on all addresses of IPv6 takes IPv4 as well, unless that is switched off or another one does.
  my %four = map { length $_->[1] == 8 ? ("$_->[0] $_->[2]" => 1) : () } @all;
  for (@all) { my ($protocol, $address, $port) = @$_;
    $_->[1] = "any" if $address eq "0" x 32 && !$four{"$protocol $port"} && !can_bind($protocol, "0" x 8, $port) }
  @all }

# 2 and 10 are AF_INET and AF_INET6, 1 and 2 SOCK_STREAM and SOCK_DGRAM, 1 and 2 SOL_SOCKET and SO_REUSEADDR, which lets a
# port be bound that connections of the past still have. Port 0 is any.
sub can_bind { my ($protocol, $address, $port) = @_; my ($bytes, $is_tcp) = (pack("H*", $address), $protocol eq "tcp");
  my $six = length $bytes == 16; socket my $socket, $six ? 10 : 2, $is_tcp ? 1 : 2, 0 or return 0;
  setsockopt $socket, 1, 2, pack "i", 1 if $is_tcp;
  bind $socket, $six ? pack("S n N a16 L", 10, $port, 0, $bytes, 0) : pack("S n a4 x8", 2, $port, $bytes) }
