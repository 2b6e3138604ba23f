# Launches the script that comes on stdin in base64, unless it was launched before the connection broke, and prints its
# log as it grows, from a byte on. Exits with 74 where the script could not be begun.
# Arguments: STATE DIRECTORY FROM LENGTH, the last two in bytes.
my ($state, $dir, $from, $length) = @ARGV;
my $parent = getppid;
$| = 1;
launch() unless -e "$dir/log";
close STDIN;
# The lock is the session's and the script's to hold, never the follower's.
my $lock;
open $lock, ">>&=", 9 and close $lock;

open my $told, "<", "$dir/pid" or die "$dir/pid: $!\n";
my $pid = int <$told>;
open my $log, "<", "$dir/log" or die "$dir/log: $!\n";
binmode $log; binmode STDOUT;
seek $log, $from, 0;
# On a busy host we are here before that process is the script's own.
my $until = time + 30;
select undef, undef, undef, 0.01 until alive() || -s $log || time > $until;
# Until it is gone, or our own session is.
for (;;) {
  my $alive = getppid == $parent && alive();
  my $any = 0;
  while (my $n = sysread $log, my $bytes, 65536) { print $bytes; $any = 1 }
  last unless $alive;
  select undef, undef, undef, 0.02 unless $any;
}

# Its number may be another's after a reboot. In the middle of exec(2) it is alive and has no command line.
sub alive {
  open my $f, "<", "/proc/$pid/cmdline" or return 0;
  my $words = <$f> // "";
  return -1 != index $words, "$dir/script" if $words ne "";
  open $f, "<", "/proc/$pid/stat" or return 0;
  (<$f> // "Z") !~ /\) [ZX]/;
}

sub launch {
  umask 077;
  for ($state, "$state/runs", "$state/owed") { mkdir $_ or -d $_ or refuse("$_: $!") }
  opendir my $all, "$state/runs" or refuse("$state/runs: $!");
  my @old = sort grep { !/^\.\.?$/ } readdir $all;
  splice @old, @old > 10 ? -10 : 0;
  system "rm", "-rf", "--", map { "$state/runs/$_" } @old if @old;

  # A line of base64 as one of uuencode's, which perl decodes without a module.
  my $script = join "", map { chomp; tr{A-Za-z0-9+/=}{ -_}d; unpack "u", chr(32 + length() * 3 / 4) . $_ } <STDIN>;
  refuse("$length bytes were to come, " . length($script) . " did") unless length $script == $length;
  mkdir $dir or -d $dir or refuse("$dir: $!");
  my $file = "$dir/script";
  open my $out, ">", $file or refuse("$file: $!");
  binmode $out;
  print {$out} $script and close $out or do { my $why = $!; unlink $file; refuse("$file: $why") };
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
  umask 022;
  exec "setsid", "sh", $file;
  exit 127;
}

sub refuse { print STDERR "$_[0]\n"; exit 74 }
