# Gives a release that does not run the host's present configuration of its app: from now on it starts with that, whatever
# changes on the host. A release that was made for another runtime keeps its own, but for the app's environment.
# Arguments: BASE APP RELEASE. configuration.pl is part of it.
my ($base, $app, $id) = @ARGV;
my ($own, $unit) = ("$base/releases/$id/.capstan/config", "/etc/systemd/system/$app\@$id.service");
my ($present, $kept) = (present($app), kept($base, $app, $id));
die "/etc/capstan/$app has no configuration: run scripts/site.mjs\n" unless $present->{runtime} && $present->{unit};
if ($kept->{runtime} && runtime_of($kept) ne runtime_of($present)) { $present = { %$kept, map { $_ => $present->{$_} } grep { $present->{$_} } qw(app.env set.env) } }

system "rm", "-rf", "--", "$own.new", "$own.old";
mkdir "$own.new", 0755 or die "$own.new: $!\n";
for my $name (sort grep { $_ ne "unit" && $_ ne "installed" } keys %$present) {
  my $at = "$own.new"; my @above = split m{/}, $name; pop @above;
  for (@above) { $at .= "/$_"; -d $at || mkdir $at, 0755 or die "$at: $!\n" }
  put("$own.new/$name", $present->{$name});
}
put("$own.new/.installed", $present->{installed}) if $present->{installed};
!-d $own || rename $own, "$own.old" or die "$own: $!\n";
rename "$own.new", $own or die "$own: $!\n";
system "rm", "-rf", "--", "$own.old";

# nginx knows by this link what the release's server speaks.
my %leads = (fastcgi => "../run", http => "../run", files => "../public");
my ($upstream) = split /\n/, $present->{upstream} ? $present->{upstream}[0] : "";
for my $name (keys %leads) { my $link = "$base/releases/$id/.capstan/$name";
  if ($name ne $upstream) { unlink $link } else { -l $link or symlink $leads{$name}, $link or die "$link: $!\n" } }

own_shared_links();

my $changed = -e $unit && $kept->{unit}[0] ne $present->{unit}[0];
put("$unit.new", $present->{unit}); rename "$unit.new", $unit or die "$unit: $!\n";
# systemd finds a new file by itself; of one that it has read it needs to be told.
!$changed || system("systemctl", "daemon-reload") == 0 or die "systemctl daemon-reload failed\n";

# nginx follows a link only where its owner is that of what it leads to: one into a folder that the app writes to is the app's,
# too. The links of the manifest alone decide whether it does, never what the app has put into that folder.
sub own_shared_links {
  my $uid = getpwnam $app; my $release = "$base/releases/$id";
  my %target = map { my ($type, $target, $path) = split /\t/, $_, -1; $type eq "l" ? (plain($path) => plain($target)) : () }
    split /\n/, text("$release/.capstan/manifest") // "";
  my @own = grep {
    my $shared = shared_by($_, \%target);
    defined $shared && ((lstat "$base/shared/$shared")[4] // -1) == $uid && ((lstat "$release/$_")[4] // $uid) != $uid
  } keys %target;
  !@own || system("chown", "-h", "--", $app, map { "$release/$_" } @own) == 0 or die "the owner of links in $release can't be set\n";
}
# The entry of shared/ that a path of the release leads into: `storage` of `public/files`, where that is a link to `../storage/files`.
sub shared_by { my ($path, $target) = @_;
  my (@at, $followed); my @rest = split m{/}, $path;
  while (defined(my $part = shift @rest)) {
    next if $part eq "" || $part eq ".";
    if ($part eq "..") { return "@rest[0, 1]" eq ".. shared" ? $rest[2] : undef unless @at; pop @at; next }
    push @at, $part;
    my $to = $target->{join "/", @at} // next;
    return if ++$followed > 40;
    pop @at; unshift @rest, split m{/}, $to;
  }
  return }

# 04010301 is O_WRONLY|O_CREAT|O_EXCL|O_SYNC of open(2).
sub put { my ($path, $entry) = @_; my ($text, $mode, $uid, $gid) = @$entry; unlink $path;
  sysopen my $out, $path, 04010301, 0600 or die "$path: $!\n";
  length $text == (syswrite($out, $text) // -1) && close $out && chown($uid, $gid, $path) && chmod $mode & 07777, $path or die "$path: $!\n" }
