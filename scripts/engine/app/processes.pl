# The processes of an app's user, a line each of fields that a tab parts: unit, pid, age in seconds, CPU seconds, KiB of memory, command.
# Argument: APP.
my ($app) = @ARGV; my $uid = getpwnam $app // die "there is no user $app on this host: npx zx scripts/site.mjs sets the site up\n";
my ($up) = split / /, text("/proc/uptime"); my $hertz = 100;
for my $pid (sort { $a <=> $b } grep { /^\d+$/ } map { s{.*/}{}r } glob "/proc/[0-9]*") {
  my @is = stat "/proc/$pid" or next; next unless $is[4] == $uid;
  my ($rest) = text("/proc/$pid/stat") =~ /.*\) (.*)/s or next; my @f = split / /, $rest;
  my ($memory) = text("/proc/$pid/status") =~ /^VmRSS:\s+(\d+)/m;
  my ($unit) = text("/proc/$pid/cgroup") =~ m{([^/\n]+\.service)};
  my $command = join " ", split /\0/, text("/proc/$pid/cmdline"); $command =~ s/[\t\n]/ /g;
  print join("\t", $unit // "", $pid, int($up - $f[19] / $hertz), ($f[11] + $f[12]) / $hertz, $memory // 0, $command), "\n";
}
sub text { open my $in, "<", $_[0] or return ""; local $/; <$in> // "" }
