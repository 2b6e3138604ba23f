# What a host knows of an app's releases, as NUL-ended pairs; manifest.ts says how a manifest is written.
# Arguments: BASE APP SHA256 CLEAN SHARED…; with SHA256, the manifest to build on where no release has that one.
use strict;
my ($base, $app, $wanted, $clean, @shared) = @ARGV;
binmode STDOUT; $| = 1;
sub pair { print "$_[0]\0$_[1]\0" }
sub slurp { open my $f, "<", $_[0] or return ""; binmode $f; local $/; my $all = <$f>; $all // "" }
my $id = qr/[0-9]{8}T[0-9]{6}Z-[0-9a-f]{7}/;

for ("$base/releases", "$base/shared") { pair problem => "$_ is not there" unless -d $_ }
pair problem => "there is no unit $app\@.service" unless -e "/etc/systemd/system/$app\@.service";
for (@shared) { pair missing => $_ unless -e "$base/shared/$_" }
pair maintenance => "on" if -e "$base/shared/maintenance";
pair frozen => slurp("$base/frozen") if -e "$base/frozen";

my $current = "";
if (-l "$base/current") {
  my $target = readlink "$base/current";
  if ($target =~ m{^(?:\Q$base\E/)?releases/($id)$}) {
    if (-d "$base/releases/$1") { $current = $1 } else { pair astray => "leads to $target, which is not there" }
  } else { pair astray => "leads to $target, which is no release" }
} elsif (-e "$base/current") { pair astray => "is not a link" }
pair current => $current;

opendir my $dir, "$base/releases" or exit 0;
my @names = readdir $dir;
my @half = map { "$base/releases/$_" } grep { /^\.(?:partial|pruned)-/ } @names;
if ($clean && @half) { system "rm", "-rf", "--", @half; pair cleaned => scalar @half }
my @kept = sort grep { /^$id$/ && !-l "$base/releases/$_" && -f "$base/releases/$_/.capstan/release" } @names;
my (%is, $same);
for (@kept) {
  $is{$_} = 1;
  my $told = slurp("$base/releases/$_/.capstan/release");
  pair release => $told;
  $same = 1 if $wanted ne "" && $told =~ /"sha256":"\Q$wanted\E"/;
}
my (@log, $migrated);
if (open my $log, "<", "$base/releases.jsonl") {
  while (<$log>) {
    # A line that a full disk or a crash cut short tells nothing.
    next unless /^\{"release":"($id)","state":"([a-z]+)".*\}\n\z/;
    $migrated = $_ if $2 eq "migrated";
    push @log, $_ if $is{$1};
  }
}
splice @log, 0, @log - 2000 if @log > 2000;
pair log => $_ for @log;
pair migrated => $migrated if defined $migrated;
for (split /\n/, qx{systemctl list-units --plain --no-legend --full --type=service --state=active,activating,deactivating,reloading -- '$app\@*.service'}) {
  pair running => $1 if /^\Q$app\E\@($id)\.service\s/;
}
my ($blocks, $size, $inodes) = split ' ', qx{stat -f -c '%a %S %d' -- '$base'};
pair bytes => $blocks * $size; pair inodes => $inodes;

exit 0 if $wanted eq "" || $same || !@kept;
my $from = $current ne "" && $is{$current} ? $current : $kept[-1];
my (%have, %more);
my $manifest = slurp("$base/releases/$from/.capstan/manifest");
$have{$1} = 1 while $manifest =~ /^f\t\d+\t([0-9a-f]{64})\t/mg;
for (grep { $_ ne $from } @kept) {
  my $other = slurp("$base/releases/$_/.capstan/manifest");
  while ($other =~ /^f\t\d+\t([0-9a-f]{64})\t/mg) { $more{$1} = 1 unless $have{$1} }
}
pair have => join ",", keys %more;
pair base => $from;
pair manifest => length $manifest;
print $manifest;
