# Given ADDRESS ZONE: how the signed zone stands, in three lines: good, warning or bad; what; what to do.
my ($at, $zone) = @ARGV; my @said = state(); print map { "$_\n" } @said, ("") x (3 - @said);
sub state { my $is = signed($at, $zone) or return ("bad", "$zone: the server at $at gives no keys", "HOST -- 'journalctl -u pdns -n 20' shows why.");
  my @keys = @{ $is->{keys} }; my $days = defined $is->{until} ? int(($is->{until} - time) / 86400) : -1;
  @keys or return ("bad", "$zone is not signed", "npx zx scripts/site.mjs -t dns signs it.");
  $days >= 3 or return ("bad", "$zone: " . ($days < 0 ? "its signatures are not valid" : "its signatures are valid for $days days"), "HOST -- 'date; systemctl restart pdns': PowerDNS signs by the clock of the host.");
  my $ds = "Enter at the registrar: " . join "; ", map { ds($zone, $_) } @keys;
  my $parent = parent($zone) or return ("warning", "$zone: no resolver of this host says whether its parent has the DS record", $ds);
  my @ours = grep { my $key = $_; grep { names($_, $key) } @$parent } @keys;
  !@$parent and return ("warning", "$zone is signed, and its parent has no DS record for it", $ds);
  @ours or return ("bad", "$zone: its parent has a DS record of another key, so validating resolvers refuse it", $ds);
  @keys > 1 and return ("warning", "$zone: a key rollover is under way", "npx zx scripts/dns.mjs keys shows its next step.");
  return ("good", "$zone is signed for $days days and by its parent") }
