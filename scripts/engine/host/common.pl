
# What lock.pl, follow.pl and log.pl share. No modules: loading one takes longer than the work.
sub slurp { open my $in, "<", $_[0] or return ""; local $/; <$in> // "" }
sub uptime { my ($seconds) = split ' ', slurp("/proc/uptime"); $seconds }
sub close_inherited { for (@_) { open my $inherited, "<&=", $_ or next; close $inherited } }

# State, parent, group and session of a process; empty if it is gone. Source: proc_pid_stat(5).
sub status_of { my $stat = slurp("/proc/$_[0]/stat"); split " ", substr $stat, 2 + rindex $stat, ")" }

# The processes of a session but this one and those that are its parents, without zombies.
sub processes_of {
  my ($session) = @_;
  my %own;
  for (my $pid = $$; $pid && !$own{$pid}; $pid = (status_of($pid))[1]) { $own{$pid} = 1 }
  opendir my $all, "/proc" or return;
  grep { my @is = status_of($_); @is && $is[3] == $session && $is[0] ne "Z" && !$own{$_} } grep { /^\d+$/ } readdir $all;
}

# What a stage that was killed had started: `kill` ends it, TERM first and KILL after two seconds; `wait` lets it end.
# `pause` is called with seconds between two looks.
sub end_processes_of {
  my ($session, $how, $pause) = @_;
  for (my $try = 0; my @left = processes_of($session); $try++) {
    if ($how eq "kill" && ($try == 0 || $try >= 20)) { kill $try ? "KILL" : "TERM", @left }
    $pause->(0.1);
  }
}
