# Runs a command as the live release of an app runs: as its user, with its environment, in its sandbox and within its limits, which
# are those of the release's own unit. Exits as the command does, 128 and the signal's number where one ended it.
# Arguments: APP, `pty` or `pipe`, COMMAND…
my ($app, $io, @command) = @ARGV;
my $id = readlink "/srv/www/$app/current" // "";
$id =~ s{.*/}{} or die "no release of $app is live: npx zx scripts/deploy.mjs ships one\n";
my $file = "/etc/systemd/system/$app\@$id.service"; my ($section, @set) = "";
open my $unit, "<", $file or die "$file: $!\n";
while (<$unit>) {
  chomp; $section = $1 if /^\[(\w+)\]/;
  next unless $section eq "Service" && /^([A-Z]\w+)=(.*)/ && $1 !~ /^(Type|Exec\w+|Restart\w*|RemainAfterExit|Kill\w+|Timeout\w+|OOMPolicy)$/;
  my ($key, $value) = ($1, $2); $value =~ s/%i/$id/g; push @set, "-p", "$key=$value";
}
# systemd expands what begins with a dollar sign.
s/\$/\$\$/g for @command;
my $name = "capstan-app-$app-$$";
my @io = $io eq "pty" ? ("--pty", "--setenv=TERM=" . ($ENV{TERM} // "dumb")) : ("--pipe", "--wait");
# To systemd, a service that TERM ended has ended well: a shell says how the command did. It outlives what is sent to all of them.
# A terminal of systemd-run loses output that comes just before the unit ends.
my $last = $io eq "pty" ? "/bin/sleep 0.2; " : "";
my @shell = ("/bin/sh", "-c", 'trap : INT TERM HUP QUIT; "$$@"; code=$$?; ' . $last . 'exit "$$code"', "sh");
for my $signal (qw(INT TERM HUP QUIT)) {
  $SIG{$signal} = sub { system "systemctl", "kill", "-s", $signal, "--", "$name.service" };
}
defined(my $pid = fork) or die "fork: $!\n";
if (!$pid) {
  # In a session of its own, what is sent to this one leaves it waiting for the command.
  my @apart = $io eq "pty" ? () : ("setsid", "--wait");
  exec @apart, "systemd-run", "--quiet", "--collect", "--unit=$name", @io, @set, "--", @shell, @command or die "systemd-run: $!\n";
}
1 while waitpid($pid, 0) != $pid;
exit($? & 127 ? 128 + ($? & 127) : $? >> 8);
