# shellcheck shell=dash
# restore COPY ROOT: what differs, each file in one rename, where the two directories can't change places.
restore() { perl -e '
  my ($copy, $root) = @ARGV; my $failed = 0; back(""); exit $failed;
  sub names { opendir my $d, $_[0] or return; grep { !/^\.\.?$/ } readdir $d }
  sub isdir { -d $_[0] && !-l $_[0] }
  sub same { my ($a, $b) = @_; my @a = lstat $a; my @b = lstat $b or return 0;
    return 0 if grep { $a[$_] != $b[$_] } 2, 4, 5, 7;
    return readlink $a eq readlink $b if -l $a; -f $a && system("cmp", "-s", "--", $a, $b) == 0 }
  sub back { my ($at) = @_; my ($from, $to) = ("$copy$at", "$root$at"); my %kept;
    for my $name (names($from)) { $kept{$name} = 1; my ($a, $b) = ("$from/$name", "$to/$name");
      if (isdir($a)) { unlink $b unless isdir($b); mkdir $b, 0700; back("$at/$name"); next }
      next if same($a, $b); system "rm", "-rf", "--", $b if isdir($b); my $new = "$to/.capstan.$name";
      system("cp", "-aT", "--", $a, $new) == 0 && rename $new, $b or $failed = 1 }
    $kept{$_} or system "rm", "-rf", "--", "$to/$_" for names($to);
    my @s = lstat $from; chown @s[4, 5], $to; chmod $s[2] & 07777, $to }
' -- "$1" "$2"; }
