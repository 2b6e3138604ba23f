/**
 * What stands before the serial of a zone file's SOA record, and the serial; the same in JavaScript and perl.
 * Source: RFC 1035, 5.1.
 */
export const serialInFile = String.raw`(\bSOA\s+\S+\s+\S+\s*\(?(?:\s*;[^\n]*\n)*\s*)(\d{1,10})\b`

/**
 * Perl: `served(ADDRESS, ZONE, SIGNED)` asks a server for the zone's SOA record over UDP and gives the serial of the file
 * that it is from, else a word: `nothing` (no answer in a second), `refused`, `not authoritative`, `error N`. perl-base has all it needs,
 * and a bare host has no dig. Source: RFC 1035, 4.1.
 */
export const answeredSerial = String.raw`
  use strict; use Socket qw(:all);
  sub served { my ($at, $zone, $signed) = @_; my $serial = answered($at, $zone);
    # INCREMENT-WEEKS of PowerDNS: a new serial each week, so that secondaries fetch the new signatures.
    $signed && $serial =~ /^\d+$/ ? ($serial - int(time / 604800)) % 2 ** 32 : $serial }
  sub answered { my ($at, $zone) = @_; my $six = $at =~ /:/;
    socket my $s, $six ? AF_INET6 : AF_INET, SOCK_DGRAM, 0 or return "nothing";
    connect $s, $six ? pack_sockaddr_in6(53, inet_pton(AF_INET6, $at)) : pack_sockaddr_in(53, inet_pton(AF_INET, $at)) or return "nothing";
    my $question = join("", map { pack "C/a*", $_ } split /\./, $zone) . pack "Cn2", 0, 6, 1;
    for my $try (1, 2) { my $id = int rand 65536;
      defined send $s, pack("n6", $id, 0, 1, 0, 0, 0) . $question, 0 or next;
      vec(my $ready = "", fileno $s, 1) = 1; select $ready, undef, undef, 0.5 or next;
      defined recv $s, my $answer, 4096, 0 or next; my ($same, $flags, undef, $count) = unpack "n4", $answer;
      next unless length $answer >= 12 && $same == $id; my $code = $flags & 15;
      return $code == 5 ? "refused" : "error $code" if $code; return "not authoritative" unless $flags & 0x400 && $count;
      # The answer's name is a pointer or labels; then type, class, TTL, length; the serial begins the last 20 bytes.
      my $o = 12 + length $question; while ((my $n = ord substr $answer, $o, 1) != 0) { if ($n > 63) { $o++; last } $o += $n + 1 }
      my ($type, undef, undef, $size) = unpack "n2Nn", substr $answer, ++$o, 10;
      return $type == 6 ? unpack "N", substr $answer, $o + 10 + $size - 20, 4 : "no SOA record" }
    "nothing" }
`

/**
 * Perl: `stamp()` is the least serial that a change of this moment gets. `raised(TEXT, SERVED)` gives a zone file's text with
 * its next serial, by the rules of `nextSerial`, and that serial; an empty list where the text has none. `write_file(PATH, TEXT)`
 * replaces a file at once, or dies and leaves it as it is.
 */
export const raisedSerial = String.raw`
  # YYYYMMDD and the hundredth part of the day: a file restored an hour later still gets a greater serial.
  sub stamp { my @t = gmtime; sprintf "%04d%02d%02d%02d", $t[5] + 1900, $t[4] + 1, $t[3], int(($t[2] * 3600 + $t[1] * 60 + $t[0]) / 864) }
  sub raised { my ($text, $served) = @_; my (undef, $serial) = $text =~ /${serialInFile}/ or return ();
    my ($next) = sort { $b <=> $a } $serial + 1, ($served =~ /^\d+$/ ? $served + 1 : 0), stamp(); $next = 1 if $next > 0xffffffff;
    $text =~ s/${serialInFile}/$1$next/; ($text, $next) }
  # O_WRONLY|O_CREAT|O_TRUNC|O_SYNC of open(2).
  sub write_file { my ($path, $text) = @_; my $new = "$path.new"; my $file;
    sysopen($file, $new, 04011101, 0644) && (print {$file} $text) && close($file) && rename($new, $path) or do { my $why = $!; unlink $new; die "$path: $why\n" } }
`

/** What `isServed` ends with when there was no answer at all. */
export const silent = 3

/** Perl, given ZONE ADDRESS FILE SIGNED: ends with 0 once the server answers the file's serial, after 5 s with 1 or `silent`. */
export const isServed = `${answeredSerial}
  my ($zone, $at, $path, $signed) = @ARGV; my $served;
  open my $file, "<", $path or die "$path: $!\\n"; my $text = do { local $/; <$file> };
  my (undef, $serial) = $text =~ /${serialInFile}/ or die "$path: no SOA record with a serial\\n";
  for (my $until = time + 5; time < $until; select undef, undef, undef, 0.1) { $served = served($at, $zone, $signed); exit 0 if $served eq $serial }
  warn "$zone: the server at $at answers $served, $path has serial $serial\\n"; system "pdns_control", "bind-domain-status", $zone; exit($served eq "nothing" ? ${silent} : 1);
`
