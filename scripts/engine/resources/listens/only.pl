# Given a port and addresses in hex: fails, naming the others, unless TCP of that port listens at these and at no other.
my ($port, @wanted) = @ARGV; my %found = map { $_->[0] eq "tcp" && $_->[2] == $port ? ($_->[1] => 1) : () } listening();
my @missing = grep { !delete $found{$_} } @wanted;
sub words { join ", ", map { $_ eq "any" ? "all addresses" : length == 8 ? join ".", unpack "C4", pack "H*", $_ : join ":", /.{4}/g } @_ }
print STDERR "tcp $port: nothing listens on ", words(@missing), "\n" if @missing;
print STDERR "tcp $port: listens on ", words(sort keys %found), "\n" if %found;
exit(@missing || %found ? 1 : 0);
