# Leads the session of a stage: runs its script and writes what that prints to the log, a step's head and tail alone where it
# prints more. Ends once the script has: then DIRECTORY/ended is there. Where the script was killed, what it started is killed
# first (ORPHANS is `kill`) or waited for (`wait`). Arguments: SCRIPT DIRECTORY ORPHANS.
my ($script, $dir, $orphans) = @ARGV;
# Bytes of one step, and of its end when there are more.
my ($most, $end) = (262144, 65536);
open my $in, "<", $script or die "$script: $!\n";
my ($nonce) = <$in> =~ /^NONCE=([0-9a-f]+)/ or die "$script: no nonce\n";
close $in;

pipe my $from, my $to or die "pipe: $!\n";
my $child = fork // die "fork: $!\n";
if (!$child) {
  close $from;
  open STDOUT, ">&", $to; open STDERR, ">&", $to;
  exec "sh", $script;
  exit 127;
}
close $to;
# The script holds the locks, and frees them at its end.
close_inherited(8, 9);

my $mark = "\n$nonce ";
my ($held, $written, $tail, $left_out, $told, $done) = ("", 0, "", 0, uptime(), 0);
my ($open, $ended) = (1, 0);
while ($open && !$ended) {
  read_some(0.5);
  $ended = waitpid($child, 1) == $child;
}
waitpid $child, 0 unless $ended;
end_processes_of($$, $orphans, sub { $open ? read_some($_[0]) : select undef, undef, undef, $_[0] }) unless $done;
# What a background process still holds is not waited for.
while ($open) { last unless read_some(0) }
text($held); flush_tail();
open my $end_file, ">", "$dir/ended"; close $end_file;
# It may still write, and must not be killed by that.
while ($open) { sysread $from, my $bytes, 65536 or last }

# Reads what comes within so many seconds; false where nothing did.
sub read_some {
  my ($seconds) = @_;
  vec(my $ready = "", fileno $from, 1) = 1;
  return 0 unless select $ready, undef, undef, $seconds;
  my $n = sysread $from, my $bytes, 65536;
  unless ($n) { $open = 0; return 0 }
  take($bytes);
  1;
}

# Marks go to the log as they come; what a mark may begin with is held back.
sub take {
  $held .= $_[0];
  for (;;) {
    my $at = index $held, $mark;
    if ($at < 0) {
      my $keep = beginning();
      text(substr $held, 0, length($held) - $keep, "");
      return;
    }
    my $line_end = index $held, "\n", $at + length $mark;
    text(substr $held, 0, $at, "");
    return if $line_end < 0;
    flush_tail();
    my $line = substr $held, 0, $line_end - $at + 1, "";
    $done = 1 if substr($line, length $mark) =~ /^done /;
    $written = 0;
    out($line);
  }
}

sub beginning {
  my $at = rindex $held, "\n";
  return 0 if $at < 0;
  my $last = substr $held, $at;
  length $last < length $mark && index($mark, $last) == 0 ? length $last : 0;
}

sub text {
  my ($bytes) = @_;
  if ($written < $most && $bytes ne "") {
    my $now = substr $bytes, 0, $most - $written, "";
    $written += length $now;
    out($now);
  }
  return if $bytes eq "";
  $tail .= $bytes;
  if (length $tail > 2 * $end) { my $n = length($tail) - $end; substr $tail, 0, $n, ""; $left_out += $n }
  # So that whoever follows sees it live.
  if (uptime() - $told > 10) { $told = uptime(); my $line = last_line(); out("\n$line\n") if $line ne "" }
}

# Of the tail the last line that has ended, at most 200 bytes of it. A pattern would try each byte of lines without an end.
sub last_line {
  my $to = rindex $tail, "\n";
  my $from = $to < 1 ? 0 : 1 + rindex $tail, "\n", $to - 1;
  substr $tail, $from, $to < $from ? 0 : $to - $from < 200 ? $to - $from : 200;
}

sub flush_tail {
  out("\n[... $left_out bytes are left out ...]\n") if $left_out;
  out($tail) if $tail ne "";
  ($tail, $left_out) = ("", 0);
}

sub out {
  my ($bytes) = @_;
  for (my $at = 0; $at < length $bytes;) { $at += syswrite STDOUT, $bytes, length($bytes) - $at, $at or exit 74 }
}
