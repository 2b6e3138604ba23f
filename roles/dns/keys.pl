# Given COMMAND ADDRESS WAIT ZONE…: `keys` tells the keys of signed zones and their next step; `roll` does that step.
# Two keys sign everything while the parent's DS record moves from the old one to the new one.
# Source: RFC 6781, 4.1.3 (single-type signing scheme, double signature); RFC 7583, 2.3 and 3.3.
our $database; my ($command, $at, $wait, @zones) = @ARGV; my $failed; umask 022;
-e $database or die "this host signs no zone: dns.dnssec is not set\n";
my %signed = map { /^(\S+)$/ ? ($1 => 1) : () } sql("select distinct domain from cryptokeys where active = 1;");
my @missing = grep { !$signed{$_} } @zones; die "@missing: not signed on this host; it signs: " . (join(", ", sort keys %signed) || "none") . "\n" if @missing;
for my $zone (@zones ? @zones : sort keys %signed) { eval { zone($zone); 1 } or do { print "$zone: $@"; $failed = 1 } }
exit($failed ? 1 : 0);

sub zone { my ($zone) = @_; my $is = signed($at, $zone) or die "the server at $at gives no keys\n"; my $parent = parent($zone);
  # Oldest first: a new key has a greater id.
  my @ids = sort { $a <=> $b } map { /^(\d+)$/ } sql("select id from cryptokeys where domain = '$zone' and active = 1;");
  my %tags = map { /^\S+ .*\s(\d+)\s+\S+\s+(\d+)\s*$/ ? ($1 => $2) : () } qx(pdnsutil list-keys $zone 2>/dev/null);
  my @keys = map { my $id = $_; my ($key) = grep { $_->{tag} == ($tags{$id} // -1) } @{ $is->{keys} }; $key ? { %$key, id => $id } : die "key $id is not served yet; wait a minute\n" } @ids;
  for my $key (@keys) { my $is = !$parent ? "unknown" : (grep { names($_, $key) } @$parent) ? "yes" : "no"; $key->{parent} = $is;
    printf "%s  key %d  DS at the parent: %s\n  %s\n", $zone, $key->{tag}, $is, ds($zone, $key) }
  return start($zone, @keys) if @keys == 1;
  finish($zone, @keys) }

sub start { my ($zone, $old) = @_; return if $command ne "roll"; $old->{parent} eq "yes" || $wait eq "no"
    or die "its parent has no DS record of the key in use: enter that first (the line above)\n";
  qx(pdnsutil add-zone-key $zone ksk active published ecdsa256 2>&1); die "pdnsutil add-zone-key failed\n" if $?;
  sql("insert into domainmetadata(domain, kind, content) values ('$zone', 'X-CAPSTAN-ROLL', '" . time . "');"); published($zone);
  my ($new) = grep { $_->{tag} != $old->{tag} } @{ (signed($at, $zone) // die "the server at $at gives no keys\n")->{keys} }; die "the new key is not served\n" unless $new;
  printf "%s  new key %d; both sign from now on\n", $zone, $new->{tag};
  print "next: after " . moment(time + $new->{ttl}) . ", replace the DS record at the registrar by this one, and remove the old one. Then run roll again.\n  " . ds($zone, $new) . "\n" }

sub finish { my ($zone, $old, $new) = @_;
  if ($new->{parent} ne "yes" || $old->{parent} ne "no") {
    sql("delete from domainmetadata where domain = '$zone' and kind = 'X-CAPSTAN-DS';"); my $next = $new->{parent} eq "unknown" ? "no resolver of this host says what its parent has: correct /etc/resolv.conf"
      : $new->{parent} eq "yes" ? "remove the DS record of key $old->{tag} at the registrar" : "enter the DS record of key $new->{tag} at the registrar, and remove that of key $old->{tag}";
    $command eq "roll" ? die "both keys stay; next: $next\n" : print "next: $next\n"; return }
  my ($seen) = map { /^(\d+)$/ } sql("select content from domainmetadata where domain = '$zone' and kind = 'X-CAPSTAN-DS';");
  if (!$seen) { $seen = time; sql("insert into domainmetadata(domain, kind, content) values ('$zone', 'X-CAPSTAN-DS', '$seen');") if $command eq "roll" }
  # Resolvers may keep the old DS record for its TTL, which is a day at most at registries.
  my $until = $seen + 86400; my $later = "next: roll again after " . moment($until) . ", when resolvers have forgotten the old DS record\n";
  return print $command eq "roll" ? "both keys stay; $later" : $later if time < $until && $wait ne "no";
  return print "next: roll removes key $old->{tag}\n" if $command ne "roll";
  qx(pdnsutil remove-zone-key $zone $old->{id} 2>&1); die "pdnsutil remove-zone-key failed\n" if $?;
  sql("delete from domainmetadata where domain = '$zone' and kind like 'X-CAPSTAN-%';"); published($zone); print "$zone  key $old->{tag} is removed; key $new->{tag} signs alone\n" }

sub moment { my @t = gmtime $_[0]; sprintf "%04d-%02d-%02d %02d:%02d UTC", $t[5] + 1900, $t[4] + 1, @t[3, 2, 1] }
sub sql { my ($text) = @_; open my $out, "-|", "sqlite3", "-batch", "-cmd", ".timeout 5000", $database, $text or die "sqlite3: $!\n"; my @lines = <$out>; close $out or die "sqlite3 failed\n"; @lines }
# The server forgets what it has signed, and secondary servers get the new keys under a new serial.
sub published { my ($zone) = @_; my $path = "/etc/powerdns/zones/$zone.zone"; open my $in, "<", $path or die "$path: $!\n"; my $text = do { local $/; <$in> };
  $text =~ s/(\bSOA\s+\S+\s+\S+\s*\(?(?:\s*;[^\n]*\n)*\s*)(\d{1,10})\b/$1 . ($2 + 1)/e or die "$path: no serial\n"; open my $out, ">", "$path.new" or die "$path.new: $!\n"; print {$out} $text; close $out; rename "$path.new", $path or die "$path: $!\n";
  qx(pdns_control bind-reload-now $zone; pdns_control purge; pdns_control notify $zone); select undef, undef, undef, 1 }
