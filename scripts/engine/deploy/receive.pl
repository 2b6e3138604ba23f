# Builds a release from what the host has and what comes on stdin, gzipped: a head, a manifest's changes, contents.
#   ID SHA256 BASE RUN          BASE is a kept release whose manifest the changes are to, or -
#   -PATH                       an entry that is gone     (paths escaped as in a manifest)
#   +LINE                       an entry that is new or another
#   .                           then for each file that is sent: SHA256 SIZE, newline, its bytes
# Arguments: ROOT HOLDER RECORD BY, the last two in JSON. Exits with 65 where a kept release is not what its manifest says.
use strict;
my ($root, $holder, $record, $by) = @ARGV;
my $releases = "$root/releases";
open my $in, "-|", "gzip", "-dc" or die "gzip: $!\n";
binmode $in;
my $partial;
$SIG{$_} = sub { die "ended by SIG$_[0]\n" } for qw(TERM HUP INT PIPE);
eval { receive(); 1 } or do {
  my $why = $@ || "unknown\n";
  my $code = $why =~ s/^tampered: // ? 65 : 1;
  system "rm", "-rf", "--", $partial if defined $partial;
  print STDERR $why; exit $code;
};

sub line { my $l = <$in>; die "the upload ended in the middle\n" unless defined $l && chomp $l; $l }
sub path_of { my @f = split /\t/, $_[0], -1; $f[-1] }
sub slurp { open my $f, "<", $_[0] or die "$_[0]: $!\n"; binmode $f; local $/; my $all = <$f>; $all // "" }

sub receive {
  my ($id, $sha, $base, $run) = line() =~ /^([0-9]{8}T[0-9]{6}Z-[0-9a-f]{7}) ([0-9a-f]{64}) (\S+) (\S+)$/ or die "no head\n";
  $partial = "$releases/.partial-$id";
  my $final = "$releases/$id";
  die "$final exists\n" if -e $final;
  system "rm", "-rf", "--", $partial;
  mkdir $partial, 0700 or die "$partial: $!\n"; mkdir "$partial/.capstan", 0755 or die "$partial: $!\n";

  my %entry;
  if ($base ne "-") { $entry{path_of($_)} = $_ for split /\n/, slurp("$releases/$base/.capstan/manifest") }
  for (my $l = line(); $l ne "."; $l = line()) {
    if ($l =~ /^-(.*)$/s) { delete $entry{$1} }
    elsif ($l =~ /^\+(.*)$/s) { $entry{path_of($1)} = $1 }
    else { die "no change of a manifest\n" }
  }
  my @lines = map { $_->[1] } sort { $a->[0] cmp $b->[0] } map { [plain($_), $entry{$_}] } keys %entry;
  open my $m, ">", "$partial/.capstan/manifest" or die "$partial: $!\n"; binmode $m;
  print {$m} map { "$_\n" } @lines or die "manifest: $!\n"; close $m or die "manifest: $!\n";
  my ($got) = split ' ', qx{sha256sum -- '$partial/.capstan/manifest'};
  die "tampered: the manifest is not the one that was announced\n" unless $got eq $sha;

  my (@files, %wanted);
  for (@lines) {
    my ($type, @f) = split /\t/, $_, -1;
    my $path = plain($f[-1]);
    die "$path: not a path within a release\n"
      if $path eq "" || $path =~ m{^/|/$|//|\0|(?:^|/)\.\.?(?:/|$)|^(?:run|\.capstan)(?:/|$)};
    if ($type eq "d") { mkdir "$partial/$path", 0755 or die "$path: $!\n" }
    elsif ($type eq "l") { symlink plain($f[0]), "$partial/$path" or die "$path: $!\n" }
    else { push @files, [$path, oct $f[0], $f[1], $f[2]]; push @{ $wanted{$f[1]} }, $files[-1] }
  }

  my (%at, $sent, $bytes);
  until (eof $in) {
    my ($hash, $size) = line() =~ /^([0-9a-f]{64}) (\d+)$/ or die "no head of a file\n";
    my $first = $wanted{$hash}[0] or die "a file came that the release has not\n";
    open my $out, ">", "$partial/$first->[0]" or die "$first->[0]: $!\n"; binmode $out;
    for (my $left = $size; $left > 0;) {
      my $n = read $in, my $block, $left < 1048576 ? $left : 1048576;
      die "the upload ended in the middle\n" unless $n;
      print {$out} $block or die "$first->[0]: $!\n"; $left -= $n;
    }
    close $out or die "$first->[0]: $!\n";
    chmod $first->[1], "$partial/$first->[0]" or die "$first->[0]: $!\n";
    $at{$hash} = "$partial/$first->[0]"; $sent++; $bytes += $size;
  }
  close $in or die "the upload ended in the middle\n";

  my %kept; # by hash and mode, then by hash alone
  opendir my $dir, $releases or die "$releases: $!\n";
  for my $other (sort grep { /^[0-9]{8}T/ && -f "$releases/$_/.capstan/manifest" } readdir $dir) {
    for (split /\n/, slurp("$releases/$other/.capstan/manifest")) {
      my ($type, @f) = split /\t/, $_, -1;
      next unless $type eq "f" && $wanted{$f[1]};
      my $path = "$releases/$other/" . plain($f[3]);
      $kept{"$f[1] " . oct $f[0]} = $path; $kept{$f[1]} = $path;
    }
  }
  my ($linked, $copied) = (0, 0);
  for (@files) {
    my ($path, $mode, $hash, $size) = @$_;
    my $to = "$partial/$path";
    next if -e $to;
    my $same = $kept{"$hash $mode"};
    if (defined $same && sound($same, $mode, $size) && link $same, $to) { $linked++; next }
    my $from = $at{$hash} // $kept{$hash};
    die "tampered: no kept release has the content of $path any more\n" unless defined $from && -f $from && !-l $from;
    copy($from, $to); chmod $mode, $to or die "$path: $!\n"; $copied++;
  }

  verify($partial, \@files);
  open my $r, ">", "$partial/.capstan/release" or die "release: $!\n";
  print {$r} "$record\n" or die "release: $!\n"; close $r or die "release: $!\n";
  chmod 0755, $partial or die "$partial: $!\n";
  system("sync", "-f", "--", $partial) == 0 or die "$partial can't be written to the disk\n";
  open my $h, "<", $holder or die "$holder: $!\n"; my $who = <$h> // "";
  die "another deploy took over\n" unless $who =~ /^\Q$run\E /;
  rename $partial, $final or die "$final: $!\n"; $partial = undef;
  system "sync", "--", $releases;
  built($id, $run);
  printf "%d %d %d %d\n", $sent // 0, $linked, $copied, $bytes // 0;
}

# A release without this line is as good: it is only not told when it came.
sub built { my ($id, $run) = @_;
  open my $log, "+>>", "$root/releases.jsonl" or return; my $size = -s $log; my ($s, $i, $h, $d, $m, $y) = gmtime;
  print {$log} sprintf qq({"release":"%s","state":"built","at":"%04d-%02d-%02dT%02d:%02d:%02dZ","by":%s,"run":"%s"}\n),
    $id, $y + 1900, $m + 1, $d, $h, $i, $s, $by, $run and close $log or truncate "$root/releases.jsonl", $size }

sub sound { my @s = lstat $_[0]; @s && -f _ && ($s[2] & 07777) == $_[1] && $s[4] == 0 && $s[7] == $_[2] }

sub copy { my ($from, $to) = @_;
  open my $i, "<", $from or die "$from: $!\n"; open my $o, ">", $to or die "$to: $!\n"; binmode $i; binmode $o;
  while (read $i, my $block, 1048576) { print {$o} $block or die "$to: $!\n" } close $o or die "$to: $!\n" }

# Every file is read again: those that were sent, and those that a kept release gave.
sub verify { my ($root, $files) = @_;
  my %is = map { ($_->[0] => $_->[2]) } @$files;
  open my $list, ">", "$root/.capstan/list" or die "list: $!\n"; binmode $list;
  print {$list} map { "./$_\0" } sort keys %is or die "list: $!\n"; close $list or die "list: $!\n";
  chdir $root or die "$root: $!\n";
  open my $sums, "-|", "xargs -0 -r sha256sum -z -- <.capstan/list" or die "sha256sum: $!\n"; binmode $sums;
  { local $/ = "\0"; while (<$sums>) { chomp; my ($sum, $path) = /^([0-9a-f]{64}) [ *]\.\/(.*)$/s or die "sha256sum: $_\n";
    my $want = delete $is{$path}; next if defined $want && $want eq $sum;
    die "tampered: $path is not as it was sent: it changed on its way, or in a kept release\n" } }
  close $sums or die "sha256sum ended with $?\n";
  die "missing: ", join(" ", sort keys %is), "\n" if %is;
  unlink ".capstan/list"; chdir "/";
}
