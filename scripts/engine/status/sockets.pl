# A line for each socket that others reach: protocol/port. PowerDNS sends from any port of UDP above those of servers.
my %seen;
for (listening()) { my ($protocol, $address, $port) = @$_;
  next if $address =~ /^(?:7f.{6}|0{31}1|0{20}ffff7f.{6})$/ || $protocol eq "udp" && $port >= 1024;
  print "$protocol/$port\n" unless $seen{"$protocol/$port"}++ }
