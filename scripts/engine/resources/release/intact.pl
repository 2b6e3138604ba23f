# Fails, naming what is wrong, where a kept release is not as it was built: its manifest has another hash than the release was
# recorded with, or a file, folder or link of it is missing, or of another kind or size. Arguments: BASE RELEASE.
my ($base, $id) = @ARGV;
my $at = "$base/releases/$id";
my ($recorded) = slurp("$at/.capstan/release") =~ /"sha256":"([0-9a-f]{64})"/ or broken(".capstan/release");
my ($found) = qx{sha256sum -- '$at/.capstan/manifest'} =~ /^([0-9a-f]{64}) / or broken(".capstan/manifest");
$found eq $recorded or broken(".capstan/manifest");
for (split /\n/, slurp("$at/.capstan/manifest")) {
  my ($type, @fields) = split /\t/, $_, -1;
  my $path = plain($fields[-1]);
  my @is = lstat "$at/$path" or broken($path);
  ($type eq "d" ? -d _ && !-l _ : $type eq "l" ? -l _ && readlink("$at/$path") eq plain($fields[0]) : -f _ && !-l _ && $is[7] == $fields[2])
    or broken($path);
}

sub broken { print "$id can't be started: $_[0] is not as it was built\n"; exit 1 }
sub slurp { open my $in, "<", $_[0] or return ""; binmode $in; local $/; <$in> // "" }
