# Launches the stage that comes on stdin in base64, unless it was launched before the connection broke, and prints its log as
# it grows, from a byte on. Heartbeats come on descriptor 7; one that names the file stop or unproven makes it. Exits with 74 where the
# stage could not be begun, and with 76 when no heartbeat came for PATIENCE seconds or the controller closed the channel.
# Arguments: STATE DIRECTORY LEASE FROM LENGTH PATIENCE ORPHANS LOGGER, FROM and LENGTH in bytes.
my ($state, $dir, $lease, $from, $length, $patience, $orphans, $logger) = @ARGV;
my $parent = getppid;
$| = 1;
launch() unless -e "$dir/log";
close STDIN;
# The locks are the session's and the stage's to hold, never the follower's.
close_inherited(8, 9);
attach();

open my $heartbeat, "<&=", 7;
# After a boot the number is another's: nothing of the stage is left, and what has the number now is none of it.
my $pid = slurp("$dir/boot") eq boot() ? int slurp("$dir/pid") : 0;
open my $log, "<", "$dir/log" or die "$dir/log: $!\n";
binmode $log; binmode STDOUT;
seek $log, $from, 0;
# On a busy host we are here before that process is the stage's own.
my $until = uptime() + 30;
select undef, undef, undef, 0.01 until !$pid || alive() || -s $log || uptime() > $until;
my $heard = uptime();
for (;;) {
  my $running = getppid == $parent && !-e "$dir/ended" && alive();
  my $any = 0;
  while (my $n = sysread $log, my $bytes, 65536) { print $bytes; $any = 1 }
  last unless $running;
  listen_for($any ? 0 : 0.02);
}
# Its leader was killed; its steps may not have been.
end_processes_of($pid, $orphans, \&listen_for) unless !$pid || -e "$dir/ended" || getppid != $parent;
exit 0;

# Sleeps for so many seconds, or until a heartbeat comes.
sub listen_for {
  my ($seconds) = @_;
  vec(my $ready = "", fileno $heartbeat, 1) = 1;
  if (select $ready, undef, undef, $seconds) {
    my $n = sysread $heartbeat, my $bytes, 65536;
    exit 76 unless $n;
    $heard = uptime();
    touch($lease);
    for my $file ("$dir/stop", "$dir/unproven") { touch($file) if index($bytes, $file) >= 0 }
  }
  exit 76 if uptime() - $heard > $patience;
}

# The stage knows by this whether a controller follows it.
sub attach { open my $out, ">", "$dir/session.new" or return; print {$out} "$parent\n" and close $out and rename "$dir/session.new", "$dir/session" }

# In the middle of exec(2) it is alive and has no command line.
sub alive {
  return 0 unless $pid;
  my $words = slurp("/proc/$pid/cmdline");
  return -1 != index $words, "$dir/script" if $words ne "";
  (slurp("/proc/$pid/stat") || ") Z") !~ /\) [ZX]/;
}

sub launch {
  umask 077;
  for ($state, "$state/runs", "$state/pending") { mkdir $_ or -d $_ or refuse("$_: $!") }
  remove_old_runs();
  # A line of base64 as one of uuencode's, which perl decodes without a module.
  my $script = join "", map { chomp; tr{A-Za-z0-9+/=}{ -_}d; unpack "u", chr(32 + length() * 3 / 4) . $_ } <STDIN>;
  refuse("$length bytes were to come, " . length($script) . " did") unless length $script == $length;
  mkdir $dir or -d $dir or refuse("$dir: $!");
  my $file = "$dir/script";
  open my $out, ">", $file or refuse("$file: $!");
  binmode $out;
  print {$out} $script and close $out or do { my $why = $!; unlink $file; refuse("$file: $why") };
  attach();
  open my $boot, ">", "$dir/boot" or refuse("$dir/boot: $!");
  print {$boot} boot() and close $boot or refuse("$dir/boot: $!");
  open my $log, ">", "$dir/log" or refuse("$dir/log: $!");

  # A child that ends at once starts it: init inherits and reaps it, and what ends the follower does not end it.
  pipe my $go, my $begin or refuse("pipe: $!");
  my $starter = fork // refuse("fork: $!");
  if ($starter) {
    waitpid $starter, 0;
    refuse("$dir/pid can't be written") if $?;
    return;
  }
  my $own = fork // exit 1;
  if ($own) {
    open my $note, ">", "$dir/pid" or exit 1;
    print {$note} "$own\n" and close $note or exit 1;
    exit(syswrite($begin, "\n") ? 0 : 1);
  }
  # It begins once its pid is written down: what can't be followed does not run.
  close $begin;
  sysread $go, my $word, 1 or exit 1;
  open STDIN, "<", "/dev/null"; open STDOUT, ">&", $log; open STDERR, ">&", $log;
  close_inherited(7);
  umask 022;
  exec "setsid", "perl", "-e", $logger, "--", $file, $dir, $orphans;
  exit 127;
}

# Logs of the latest ten runs stay, of less than 64 MiB in all.
sub remove_old_runs {
  opendir my $all, "$state/runs" or refuse("$state/runs: $!");
  my ($kept, $bytes, @old) = (0, 0);
  for my $name (sort { $b cmp $a } grep { !/^\.\.?$/ } readdir $all) {
    $bytes += -s "$state/runs/$name/log" // 0;
    push @old, "$state/runs/$name" if ++$kept > 10 || $bytes > 67108864 && $kept > 1;
  }
  system "rm", "-rf", "--", @old if @old;
}

# What tells a boot of this machine from every other; a container boots with its first process. Source: random(4), proc_pid_stat(5).
sub boot { my ($of) = slurp("/proc/1/stat") =~ /.*\) (.*)/s; slurp("/proc/sys/kernel/random/boot_id") . (split " ", $of)[19] }
sub refuse { print STDERR "$_[0]\n"; exit 74 }
sub touch { my $now = time; utime $now, $now, $_[0] or open my $out, ">", $_[0] }
