# Given COMMAND WAIT ADDRESS NOTIFY DECLARED ZONE…: `keys` shows the keys of these zones and their next step, and changes nothing;
# `roll` does that step. DECLARED has the host's signed zones, with spaces between them; NOTIFY is empty without secondary servers.
# Two keys sign everything while the parent's DS record moves from the old one to the new one. X-CAPSTAN-ROLL has the time since
# when both sign, X-CAPSTAN-DS the time at which `roll` first found the new DS record alone at the parent.
# Source: RFC 6781, 4.1.3 (single-type signing scheme, double signature); RFC 7583, 2.3 and 3.3.
our $database; my ($command, $wait, $at, $notify, $declared, @zones) = @ARGV; my ($failed, %active); umask 022;
if (-e $database && -x "/usr/bin/sqlite3") { for (sql("select domain, active from cryptokeys;")) { /^(\S+)\|(\d)$/ and $active{lc $1} += $2 } }
for my $zone (@zones) { eval { zone($zone); 1 } or do { print STDERR "$zone: $@"; $failed = 1 } }
if ($command eq "keys") { my %is = map { $_ => 1 } split / /, $declared; print "no signed zones\n" unless %is;
  print "$_  not declared as a signed zone; its keys stay in $database\n" for grep { !$is{$_} } sort keys %active }
exit($failed ? 1 : 0);

sub zone { my ($zone) = @_; $zone =~ /^[a-z0-9_.-]+$/ or die "expected the name of a zone\n";
  unless ($active{$zone}) { my $next = "npx zx scripts/site.mjs -t dns"; return print "$zone  not signed yet\nnext: $next\n" if $command eq "keys"; die "not signed yet\nnext: $next\n" }
  my $is = signed($at, $zone) or die "the server at $at gives no keys\n"; my $parent = parent($zone); my %tags = tags($zone);
  # Oldest first: a new key has a greater id.
  my @keys = map { my $id = $_; my ($key) = grep { $_->{tag} == $tags{$id} } @{ $is->{keys} }; $key ? { %$key, id => $id } : die "the server at $at does not give key $tags{$id} yet\nnext: run this again in a minute\n" } sort { $a <=> $b } keys %tags;
  for my $key (@keys) { $key->{parent} = !$parent ? "unknown" : (grep { names($_, $key) } @$parent) ? "yes" : "no";
    printf "%s  key %d  DS at the parent: %s\n  %s\n", $zone, $key->{tag}, $key->{parent}, ds($zone, $key) }
  @keys > 2 and die @keys . " keys sign; expected one, or two during a rollover\nnext: npx zx scripts/run.mjs HOST -- pdnsutil remove-zone-key $zone ID, for each key that the parent has no DS record of\n";
  @keys == 2 ? finish($zone, @keys) : start($zone, @keys) }

sub start { my ($zone, $old) = @_; return if $command ne "roll"; $old->{parent} eq "yes" || $wait eq "no"
    or die $old->{parent} eq "no" ? "its parent has no DS record of the key in use\nnext: enter that first, as it is above\n" : "no resolver of this host answers for its DS record\nnext: correct /etc/resolv.conf\n";
  command("pdnsutil add-zone-key $zone ksk active published ecdsa256"); remember($zone, "X-CAPSTAN-ROLL", time); published($zone);
  my ($new) = grep { $_->{tag} != $old->{tag} } @{ (signed($at, $zone) // die "the server at $at gives no keys\n")->{keys} }; die "the new key is not served\n" unless $new;
  printf "%s  new key %d; both sign from now on\n  %s\n", $zone, $new->{tag}, ds($zone, $new); print "next: ", exchange($old, $new, time), "\n" }

sub finish { my ($zone, $old, $new) = @_; my $isRoll = $command eq "roll"; my $rolled = recorded($zone, "X-CAPSTAN-ROLL"); my $seen = recorded($zone, "X-CAPSTAN-DS");
  # Without a time, the roll before this one ended early: the new key may be seconds old.
  if (!$rolled) { $rolled = time; remember($zone, "X-CAPSTAN-ROLL", $rolled) if $isRoll }
  return stay("correct /etc/resolv.conf: no resolver of this host answers for the DS record of $zone") if $new->{parent} eq "unknown";
  if ($new->{parent} ne "yes" || $old->{parent} ne "no") { forget($zone, "X-CAPSTAN-DS") if $isRoll;
    return stay($new->{parent} eq "yes" ? "remove the DS record of key $old->{tag} at the registrar, then run roll again" : exchange($old, $new, $rolled)) }
  if ($isRoll && !$seen) { $seen = time; remember($zone, "X-CAPSTAN-DS", $seen) }
  if ($wait ne "no") { return print "next: run roll; the old DS record may be in caches of resolvers for a day from then\n" unless $seen;
    # Resolvers may keep the old DS record for its TTL, which is a day at most at registries.
    my $until = $seen + 86400;
    return print(($isRoll ? "both keys stay\n" : ""), "next: after ", moment($until), ", run roll again: it removes key $old->{tag}. Until then, resolvers may have the old DS record in their caches\n") if time < $until }
  return print "next: run roll: it removes key $old->{tag}\n" unless $isRoll;
  command("pdnsutil remove-zone-key $zone $old->{id}"); forget($zone, "X-CAPSTAN-%"); published($zone); print "$zone  key $old->{tag} is removed; key $new->{tag} signs alone\n" }

sub stay { my ($next) = @_; $command eq "roll" ? die "both keys stay\nnext: $next\n" : print "next: $next\n" }
# Resolvers that have the old set of keys in their caches accept the new DS record once that has expired.
sub exchange { my ($old, $new, $rolled) = @_; my $from = $rolled + $new->{ttl};
  (time < $from ? "after " . moment($from) . ", " : "") . "enter the DS record of key $new->{tag} at the registrar" . ($old->{parent} eq "no" ? "" : ", and remove that of key $old->{tag}") . "; then run roll again" }
sub moment { my ($at) = @_; my @t = gmtime $at; my $left = int(($at - time + 59) / 60);
  sprintf "%04d-%02d-%02d %02d:%02d UTC (in %s)", $t[5] + 1900, $t[4] + 1, @t[3, 2, 1], $left < 120 ? "$left min" : int($left / 60) . " h" }

# The keys that sign a zone, each id with its tag, as `pdnsutil list-keys` has them.
sub tags { my ($zone) = @_; my %all = map { /^\S+ .*\s(\d+)\s+\S+\s+(\d+)\s*$/ ? ($1 => $2) : () } command("pdnsutil list-keys $zone");
  map { my ($id) = /^(\d+)$/; $id => $all{$id} // die "pdnsutil list-keys has no key $id\n" } sql("select id from cryptokeys where domain = '$zone' and active = 1;") }
sub recorded { my ($zone, $kind) = @_; my ($time) = map { /^(\d+)$/ } sql("select content from domainmetadata where domain = '$zone' and kind = '$kind';"); $time }
sub remember { my ($zone, $kind, $time) = @_; sql("insert into domainmetadata(domain, kind, content) values ('$zone', '$kind', '$time');") }
sub forget { my ($zone, $kind) = @_; sql("delete from domainmetadata where domain = '$zone' and kind like '$kind';") }
sub sql { my ($text) = @_; open my $out, "-|", "sqlite3", "-batch", "-bail", "-cmd", ".timeout 5000", $database, $text or die "sqlite3: $!\n"; my @lines = <$out>; close $out or die "sqlite3 failed\n"; @lines }
# The output of a shell command; dies with its last line where that fails.
sub command { my ($line) = @_; my @said = qx($line 2>&1); return @said unless $?; my ($program) = $line =~ /^(\S+ \S+)/; die "$program exited with " . ($? >> 8) . ": " . ($said[-1] // "\n") }

# PowerDNS reads the zone and its keys again, and secondary servers get the new keys under a new serial.
sub published { my ($zone) = @_; my $path = "/etc/powerdns/zones/$zone.zone"; open my $in, "<", $path or die "$path: $!\n"; my $text = do { local $/; <$in> };
  my ($next, $serial) = raised($text, served($at, $zone, 1)) or die "$path: no SOA record with a serial\n"; write_file($path, $next);
  command("pdns_control bind-reload-now $zone"); command("pdns_control purge"); my %tags = tags($zone); my $expected = join " ", sort values %tags; my $found = "no keys";
  for (my $until = time + 10; time < $until; select undef, undef, undef, 0.1) { my $is = signed($at, $zone) or next; $found = join " ", sort map { $_->{tag} } @{ $is->{keys} };
    next unless $found eq $expected && served($at, $zone, 1) eq $serial; command("pdns_control notify $zone") if $notify; return }
  die "the server at $at gives the keys $found and the serial " . served($at, $zone, 1) . "; expected $expected and $serial\nnext: npx zx scripts/run.mjs HOST -- journalctl -u pdns -n 20\n" }
