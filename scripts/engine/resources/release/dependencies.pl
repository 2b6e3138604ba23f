# Gives a release the dependencies that a kept release has, where that one's were installed by the same command from the same files;
# else makes the folders ready for the command. Prints what was done, or `run` where the command has to.
# .capstan/dependencies of a release says what they were installed from; shell puts it in its place once the command has ended well.
# .capstan/install has a line `folder PATH` for each folder, a line `file PATH` for each file or folder of the source that decides
# what is installed, an empty line, and the command. manifest.pl is part of this. Arguments: BASE RELEASE.
my ($base, $id) = @ARGV;
my $own = "$base/releases/$id";
my ($head, $command) = split /\n\n/, slurp("$own/.capstan/install"), 2;
my @folders = $head =~ /^folder (.+)$/mg;
my @deciding = $head =~ /^file (.+)$/mg;
my @lines = split /\n/, slurp("$own/.capstan/manifest");
my @entries = grep { my @fields = split /\t/, $_, -1; decides(plain($fields[-1])) } @lines;
# Without a file that is known to decide it, any may.
@entries = @lines unless @entries;
# Compiled modules are of one Debian and one version of the runtime, which PATH tells apart.
my ($debian) = slurp("/etc/debian_version") =~ /^([^.\n]*)/;
my ($path) = slurp("$own/.capstan/config/app.env") =~ /^PATH=(.*)$/m;
my $from = join "\n", "Debian $debian", "PATH " . ($path // ""), slurp("$own/.capstan/config/runtime"), $head, $command, @entries, "";

my $record = "$own/.capstan/dependencies";
if (slurp($record) eq $from && all_there($own)) { print "unchanged, not run\n"; exit 0 }
unlink $record;
system "rm", "-rf", "--", map { "$own/$_" } @folders;
for (@folders) { my $at = $own; my @above = split m{/}; pop @above; for (@above) { $at .= "/$_"; -d $at || mkdir $at, 0755 or die "$at: $!\n" } }
open my $new, ">", "$record.new" or die "$record.new: $!\n"; binmode $new;
print {$new} $from and close $new or die "$record.new: $!\n";

opendir my $dir, "$base/releases" or die "$base/releases: $!\n";
for my $other (reverse sort grep { /^[0-9]{8}T/ && $_ ne $id } readdir $dir) {
  next unless slurp("$base/releases/$other/.capstan/dependencies") eq $from && all_there("$base/releases/$other");
  for (@folders) {
    system("cp", "-alT", "--", "$base/releases/$other/$_", "$own/$_") == 0 or die "$own/$_: the dependencies of $other can't be linked\n";
    relocate("$own/$_", $other) if -f "$own/$_/pyvenv.cfg";
  }
  system("sync", "-f", "--", $own) == 0 or die "$own can't be written to the disk\n";
  rename "$record.new", $record or die "$record: $!\n";
  print "those of $other, which has the same\n"; exit 0;
}
print "run\n";

sub decides { my ($file) = @_; grep { $file eq $_ || $file =~ m{^\Q$_\E/} } @deciding }
sub all_there { my ($release) = @_; !grep { !-d "$release/$_" || -l "$release/$_" } @folders }

# A virtual environment has the path of its folder in its programs, and in what leads to a project that is installed in place.
sub relocate { my ($venv, $other) = @_;
  my $modules = "$venv/lib/python*/site-packages";
  for my $file (grep { -f && !-l } "$venv/pyvenv.cfg", glob "$venv/bin/* $modules/*.pth $modules/__editable__* $modules/*.dist-info/direct_url.json") {
    my $text = slurp($file);
    next unless $text =~ s{\Q$base/releases/$other/\E}{$own/}g;
    my $mode = (stat $file)[2] & 07777;
    open my $out, ">", "$file.new" or die "$file.new: $!\n"; binmode $out;
    print {$out} $text and close $out and chmod $mode, "$file.new" and rename "$file.new", $file or die "$file: $!\n";
  } }

sub slurp { open my $in, "<", $_[0] or return ""; binmode $in; local $/; <$in> // "" }
