# Takes the lock on descriptor 9, which stays locked as long as the shell has it open, and writes down who has it. Exits
# with 75, and tells whom it waits for, where another run has it or a step of an earlier one goes on after WAIT seconds.
# Arguments: SHELL DIRECTORY STATE STAGE WAIT HOLDER.
my ($shell, $dir, $state, $stage, $wait, $holder) = @ARGV;
open my $lock, ">>&=", 9 or die "$dir/lock: $!\n";
# 6 is LOCK_EX|LOCK_NB of flock(2), 11 EAGAIN.
for (my $try = 0; !flock $lock, 6; $try++) {
  if ($! != 11) { print STDERR "$dir/lock: $!\n"; exit 73 }
  if ($try >= 10 * $wait) {
    open my $other, "<", "$dir/holder";
    print STDERR "the run of ", $other && <$other> // "somebody\n";
    exit 75;
  }
  select undef, undef, undef, 0.1;
}

# A stage was killed and a step of it was not: no other run may begin beside it. A daemon has its own session.
my $session = 0;
if (open my $f, "<", $stage) { $session = int(<$f> // 0) }
for (my $try = 0; $session; $try++) {
  my @left = processes_of($session);
  unless (@left) { unlink $stage; last }
  if ($try >= 10 * $wait) { print STDERR "a step of an earlier run that goes on: process @left\n"; exit 75 }
  select undef, undef, undef, 0.1;
}

my ($s, $i, $h, $d, $m, $y) = gmtime;
open my $file, ">", "$dir/holder" or die "$dir/holder: $!\n";
printf {$file} "%s since %04d-%02d-%02dT%02d:%02d:%02dZ\n%d\n", $holder, $y + 1900, $m + 1, $d, $h, $i, $s, $shell;
opendir my $runs, "$state/runs" or exit 0;
unlink map { "$state/runs/$_/script" } readdir $runs;

# The processes of a session, without zombies. Source: proc_pid_stat(5).
sub processes_of {
  my ($session) = @_;
  opendir my $all, "/proc" or return;
  grep {
    open my $stat, "<", "/proc/$_/stat";
    my $line = $stat && <$stat> // "";
    my @f = split " ", substr $line, 2 + rindex $line, ")";
    @f && $f[3] == $session && $f[0] ne "Z";
  } grep { /^\d+$/ } readdir $all;
}
