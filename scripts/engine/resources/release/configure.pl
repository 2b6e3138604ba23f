# Gives a release that does not run the host's present configuration of its app: from now on it starts with that, whatever
# changes on the host. A release that was made for another runtime keeps its own, but for the app's environment.
# Arguments: BASE APP RELEASE. configuration.pl is part of it.
my ($base, $app, $id) = @ARGV;
my ($own, $unit) = ("$base/releases/$id/.capstan/config", "/etc/systemd/system/$app\@$id.service");
my ($present, $kept) = (present($app), kept($base, $app, $id));
die "/etc/capstan/$app has no configuration: run scripts/site.mjs\n" unless $present->{runtime} && $present->{unit};
if ($kept->{runtime} && runtime_of($kept) ne runtime_of($present)) { $kept->{'app.env'} = $present->{'app.env'}; $present = $kept }

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

my $changed = -e $unit && $kept->{unit}[0] ne $present->{unit}[0];
put("$unit.new", $present->{unit}); rename "$unit.new", $unit or die "$unit: $!\n";
# systemd finds a new file by itself; of one that it has read it needs to be told.
!$changed || system("systemctl", "daemon-reload") == 0 or die "systemctl daemon-reload failed\n";

# 04010301 is O_WRONLY|O_CREAT|O_EXCL|O_SYNC of open(2).
sub put { my ($path, $entry) = @_; my ($text, $mode, $uid, $gid) = @$entry; unlink $path;
  sysopen my $out, $path, 04010301, 0600 or die "$path: $!\n";
  length $text == (syswrite($out, $text) // -1) && close $out && chown($uid, $gid, $path) && chmod $mode & 07777, $path or die "$path: $!\n" }
