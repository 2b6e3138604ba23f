# What a host has of an app's releases, as NUL-ended pairs; manifest.ts says how a manifest is written. What lies on the host is
# untrusted: a line or file that is not of our form is reported and changes nothing else.
# Arguments: BASE APP SHA256 LOCKED SHARED…; with SHA256, the manifest to build on where no release has that one; LOCKED: what a
# killed deploy left is removed, and an unreadable line of the log moved aside.
use strict;
my ($base, $app, $wanted, $locked, @shared) = @ARGV;
binmode STDOUT; $| = 1;
sub pair { print "$_[0]\0$_[1]\0" }
sub slurp { open my $f, "<", $_[0] or return ""; binmode $f; local $/; my $all = <$f>; $all // "" }
my $id = qr/[0-9]{8}T[0-9]{6}Z-[0-9a-f]{7}/;
my $string = qr/"(?:[^"\\\x00-\x1f]|\\.)*"/;

for ("$base/releases", "$base/shared") { pair problem => "$_ is not there" unless -d $_ }
pair problem => "there is no unit $app\@.service" unless -e "/etc/systemd/system/$app\@.service";
pair problem => "/etc/capstan/$app has no configuration" unless -e "/etc/capstan/$app/runtime";
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
pair answers => "yes" if $current ne "" && answers("$base/releases/$current/run/app.sock");

opendir my $dir, "$base/releases" or exit 0;
my @names = readdir $dir;
my @half = map { "$base/releases/$_" } grep { /^\.(?:partial|pruned)-/ } @names;
if ($locked && @half) { system "rm", "-rf", "--", @half; pair cleaned => scalar @half }
my @kept = sort grep { /^$id$/ && !-l "$base/releases/$_" && -f "$base/releases/$_/.capstan/release" } @names;
my (%is, $same);
for (@kept) {
  my $told = slurp("$base/releases/$_/.capstan/release");
  chomp $told;
  if ($told !~ /^\{"id":"\Q$_\E","sha256":"[0-9a-f]{64}"(?:,"[A-Za-z0-9]+":(?:$string|[0-9]+))*\}$/) { pair doubt => "releases/$_/.capstan/release is garbled"; next }
  $is{$_} = 1; $is{$1} = 1 if $told =~ /"copyOf":"($id)"/;
  pair release => $told;
  my ($state) = slurp("$base/releases/$_/.capstan/state") =~ /^(good|bad|failed)$/m;
  pair state => "$_ $state" if $state;
  $same = 1 if $wanted ne "" && $told =~ /"sha256":"\Q$wanted\E"/;
}
@kept = grep { $is{$_} } @kept;
my (@all, @log, @bad, $migrated);
for (slurp("$base/releases.jsonl") =~ /([^\n]*\n|[^\n]+\z)/g) {
  if (/^\{"release":"($id)","state":"([a-z]+)","at":"[0-9TZ:-]+","by":$string,"run":"[^"\\]*"(?:,"[a-z]+":"[^"\\]*")*\}\n\z/) {
    push @all, $_;
    $migrated = $_ if $2 eq "migrated";
    push @log, $_ if $is{$1};
  } elsif ($_ ne "\n") { push @bad, $_ }
}
if (@bad) {
  pair doubt => @bad . " line(s) of releases.jsonl can't be read";
  set_aside() if $locked;
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

# Files alone have no server, and no socket. 1 is PF_UNIX and SOCK_STREAM; the address is a family and a path.
sub answers { my ($path) = @_;
  return 1 if -l "$base/releases/$current/.capstan/files";
  socket my $socket, 1, 1, 0 or return 0; connect $socket, pack "S a*", 1, "$path\0" }

sub set_aside {
  open my $old, ">>", "$base/releases.jsonl.unreadable" or return;
  print {$old} map { /\n\z/ ? $_ : "$_\n" } @bad or return; close $old or return;
  open my $new, ">", "$base/.releases.jsonl.new" or return;
  print {$new} @all and close $new and system("sync", "--", "$base/.releases.jsonl.new") == 0 or return;
  rename "$base/.releases.jsonl.new", "$base/releases.jsonl";
}
