#!/usr/bin/perl
# Managed by Capstan; changes here are undone by the next run.
# certbot runs this for each challenge: `publish`, and `remove` after the CA has looked. A wildcard's challenge (dns-01) goes
# into a zone of this host's PowerDNS, any other's (http-01) into the folder that nginx serves. Source: certbot, "Hooks".
# functions

my $webroot = "/var/www/acme"; my ($command) = @ARGV; my ($domain, $value, $token) = map { $ENV{"CERTBOT_$_"} // "" } qw(DOMAIN VALIDATION TOKEN); umask 022;
$domain =~ /^[a-z0-9_][a-z0-9_.-]*$/i && $value =~ /^[\w.-]+$/ && $token =~ /^[\w-]*$/ or die "expected CERTBOT_DOMAIN and CERTBOT_VALIDATION\n";

if ($token ne "") { my $path = "$webroot/.well-known/acme-challenge/$token";
  if ($command eq "remove") { unlink $path; exit 0 }
  write_file($path, $value); exit 0 }

my $zone = "_acme-challenge.$domain"; my $path = "/var/lib/powerdns/challenges/$zone.zone";
open my $in, "<", $path or die "$path: $!: the role dns creates it, for a wildcard name in site.www\n"; my $text = do { local $/; <$in> };
my ($at) = $text =~ /asked at (\S+)\.$/m or die "$path: no address\n"; my $record = qq(\@ IN TXT "$value"\n);
$text =~ s/^\Q$record\E//mg; $text .= $record if $command eq "publish";
$text =~ s/\( (\d+) /"( " . ($1 + 1 > time ? $1 + 1 : time) . " "/e or die "$path: no serial\n"; my $serial = $text =~ /\( (\d+) / && $1;
write_file($path, $text); system("pdns_control bind-reload-now $zone >/dev/null") == 0 or die "PowerDNS did not read $zone again\n";
for (my $until = time + 10; time < $until; select undef, undef, undef, 0.1) { exit 0 if served($at, $zone, "") eq $serial }
die "PowerDNS does not answer with the challenge of $domain\n";
