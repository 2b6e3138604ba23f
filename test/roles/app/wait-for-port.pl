# Managed by Capstan: roles/app/templates/etc/capstan/app/wait-for-port.pl.ejs; changes here are undone by the next run.
# Ends once the app listens on the port that PORT says: a process of this user, not of another. Source: proc(5), /proc/net/tcp; 0A is
# LISTEN, and an address of loopback or of all is in the first field.
my ($pid) = @ARGV;
for (my $tries = 0; !listens(); $tries++) {
  kill 0, $pid or exit 1;
  print STDERR "server.js does not listen on 127.0.0.1 port $ENV{PORT} yet, which PORT says\n" if $tries == 100;
  select undef, undef, undef, 0.05;
}

sub listens {
  for my $table ("/proc/$pid/net/tcp", "/proc/$pid/net/tcp6") {
    open my $in, "<", $table or next;
    while (<$in>) {
      my @f = split; my ($address, $port) = split /:/, $f[1];
      return 1 if ($f[3] // "") eq "0A" && $f[7] == $> && hex $port == $ENV{PORT} && $address =~ /^(0100007F|0{8}|0{32}|0{16}FFFF00000100007F)$/;
    }
  }
}
