
# What lock.pl, follow.pl and log.pl share. No modules: loading one takes longer than the work.
sub slurp { open my $in, "<", $_[0] or return ""; local $/; <$in> // "" }
sub uptime { my ($seconds) = split ' ', slurp("/proc/uptime"); $seconds }
sub close_inherited { for (@_) { open my $inherited, "<&=", $_ or next; close $inherited } }

# The processes of a session but this one, without zombies. Source: proc_pid_stat(5).
sub processes_of {
  my ($session) = @_;
  opendir my $all, "/proc" or return;
  grep {
    my $stat = slurp("/proc/$_/stat");
    my @f = split " ", substr $stat, 2 + rindex $stat, ")";
    @f && $f[3] == $session && $f[0] ne "Z" && $_ != $$;
  } grep { /^\d+$/ } readdir $all;
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
