# Takes the locks on descriptors 9 (the host's) and 8 (an app's). They stay taken as long as the shell has them open. Without
# APP the host's lock is exclusive; with APP it is shared and the app's is exclusive. Exits with 75, naming the holder, where
# a lock is not free within WAIT seconds, and with 73 where none can be taken.
# Arguments: SHELL DIRECTORY STATE WAIT PATIENCE RUN WHO URL APP.
my ($shell, $dir, $state, $wait, $patience, $run, $who, $url, $app) = @ARGV;
my $tries = 10 * $wait;
my $host = $app eq "";
my $own = $host ? "$dir/holder" : "$dir/deploy-$app.holder";
# The numbers are LOCK_SH, LOCK_EX and LOCK_NB of flock(2).
my ($shared, $exclusive, $nonblocking) = (1, 2, 4);

end_own_session();
take(9, $host ? $exclusive : $shared, "$dir/holder", $host ? files(qr/^deploy-.*\.holder$/) : ());
take(8, $exclusive, $own) unless $host;
wait_for_steps($_) for "$dir/stage", $host ? files(qr/^deploy-.*\.stage$/) : "$dir/deploy-$app.stage";

my ($s, $i, $h, $d, $m, $y) = gmtime;
open my $file, ">", $own or die "$own: $!\n";
printf {$file} "%s %s since %04d-%02d-%02dT%02d:%02d:%02dZ%s\n%d\n", $run, $who, $y + 1900, $m + 1, $d, $h, $i, $s,
  $url eq "" ? "" : ", $url", $shell;
close $file or die "$own: $!\n";
# A script holds secrets; one that is left is of a stage that was killed.
if ($host && opendir my $runs, "$state/runs") { unlink map { "$state/runs/$_/script" } readdir $runs }
watch_heartbeat();

# After a lost connection the host may still have this run's own session: it is ended, so that only another run can be in the way.
sub end_own_session {
  my ($line, $pid) = read_lines($own);
  return unless $line =~ /^\Q$run\E / && $pid && $pid != $shell;
  kill KILL => $pid if (readlink "/proc/$pid/fd/9" // "") eq "$dir/lock";
}

sub take {
  my ($descriptor, $mode, @holders) = @_;
  open my $lock, ">>&=", $descriptor or die "$dir: $!\n";
  until (flock $lock, $mode | $nonblocking) {
    # 11 is EAGAIN.
    if ($! != 11) { print STDERR "$dir: $!\n"; exit 73 }
    refuse(holders(@holders)) if $tries-- <= 0;
    end_unattended(@holders) if $tries % 10 == 0;
    select undef, undef, undef, 0.1;
  }
  # Perl closes the descriptor with the handle, in this process alone.
}

# A deploy's stage waits before the switch for a controller that connects again. It does not as soon as another run waits for it.
sub end_unattended {
  for my $holder (@_) {
    my ($of) = $holder =~ /deploy-(.*)\.holder$/ or next;
    my ($line) = read_lines($holder); my ($holding) = $line =~ /^(\S+) / or next;
    for my $stage (grep { m{/\Q$holding-$of\E-\d+$} && !-e "$_/ended" } files_of("$state/runs")) {
      my ($session) = read_lines("$stage/session");
      next if -e "$stage/stop" || $session =~ /^\d+$/ && -d "/proc/$session";
      open my $stop, ">", "$stage/stop" or next;
      print {$stop} "another run waits for the lock, and no controller follows this one\n";
    }
  }
}

# A stage was killed, and a step of it was not: nothing may begin beside that.
sub wait_for_steps {
  my ($stage) = @_;
  my ($session) = read_lines($stage);
  while ($session =~ /^\d+$/) {
    my @left = processes_of($session);
    unless (@left) { unlink $stage; return }
    refuse("a step of an earlier run that still runs: process @left") if $tries-- <= 0;
    select undef, undef, undef, 0.1;
  }
}

sub refuse { print STDERR "$_[0]\n"; exit 75 }

# Who holds a lock, of those whose session is still there; else whoever took it last.
sub holders {
  my @all = map { my ($line, $pid) = read_lines($_); $line =~ s/^\S+ //; $line eq "" ? () : [$line, $pid, -M $_] } @_;
  my @there = grep { $_->[1] && -d "/proc/$_->[1]" } @all;
  @there = (sort { $a->[2] <=> $b->[2] } @all)[0 .. 0] unless @there || !@all;
  @there ? join "; ", map { $_->[0] } @there : "another run";
}

sub files { my ($name) = @_; grep { m{([^/]+)$} && $1 =~ $name } files_of($dir) }
sub files_of { my ($at) = @_; opendir my $all, $at or return; map { "$at/$_" } readdir $all }

sub read_lines {
  my ($first, $second) = split /\n/, slurp($_[0]);
  ($first // "", $second // "");
}

# The controller writes to the lease every few seconds. Once it has not for PATIENCE seconds while the shell waits for it, the
# shell is killed: the locks are free unless a stage still runs, which holds them to its end. A shell that runs a script has
# more time, as it can't read a heartbeat meanwhile: the script's own deadline is shorter.
sub watch_heartbeat {
  my $lease = "$dir/lease.$shell";
  for (files(qr/^lease\.\d+$/)) { unlink $_ if /(\d+)$/ && !-d "/proc/$1" }
  open my $new, ">", $lease or die "$lease: $!\n";
  close $new;
  my $pid = fork // die "fork: $!\n";
  return if $pid;
  close_inherited(0, 1, 2, 7, 8, 9);
  my ($seen, $since) = ("", uptime());
  for (;;) {
    sleep 2;
    # Its shell has ended, or has freed the lock and goes on.
    last unless (readlink "/proc/$shell/fd/9" // "") eq "$dir/lock";
    my $written = (stat $lease)[9] // "";
    ($seen, $since) = ($written, uptime()) if $written ne $seen;
    my $silent = uptime() - $since;
    next if $silent < $patience || $silent < 150 && busy();
    kill KILL => $shell;
    last;
  }
  unlink $lease;
  exit 0;
}
sub busy { slurp("/proc/$shell/task/$shell/children") =~ /\d/ }
