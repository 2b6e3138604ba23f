# The configuration that an app's releases start with, as the host has it now, and as a release has it. Each is a map from a
# name to [text, mode, uid, gid]: the files below /etc/capstan/APP by their path there, `unit`, and `installed`, which tells
# when each package that /etc/capstan/APP/packages names was last installed or upgraded. No modules: see prelude.sh.
sub present { my ($app) = @_; configuration("/etc/capstan/$app", "/etc/systemd/system/$app\@.service", undef) }
sub kept { my ($base, $app, $id) = @_;
  my $own = "$base/releases/$id/.capstan/config";
  configuration($own, "/etc/systemd/system/$app\@$id.service", text("$own/.installed") // "") }

sub configuration { my ($root, $unit, $installed) = @_;
  my %all; files($root, "", \%all);
  my @packages = split /\n/, $all{packages} ? $all{packages}[0] : "";
  $all{unit} = entry($unit) if -e $unit;
  $all{installed} = [$installed // join("", map { "$_ " . (installed($_) // "") . "\n" } @packages), 0100644, 0, 0] if @packages;
  \%all }

sub files { my ($root, $below, $all) = @_;
  opendir my $dir, "$root$below" or return;
  for my $name (sort grep { !/^\./ } readdir $dir) { my $path = "$below/$name";
    next if -l "$root$path"; if (-d _) { files($root, $path, $all) } elsif (-f _) { $all->{substr $path, 1} = entry("$root$path") } } }

sub entry { my @is = stat $_[0]; [text($_[0]) // "", @is[2, 4, 5]] }
sub text { open my $in, "<", $_[0] or return; local $/; <$in> // "" }

# dpkg writes a package's list when it unpacks it. The name has the architecture where the package may be there twice.
sub installed { my ($name) = @_; our $architecture;
  my @is = stat "/var/lib/dpkg/info/$name.list"; return $is[9] if @is;
  unless (defined $architecture) { ($architecture) = (text("/var/lib/dpkg/status") // "") =~ /^Package: dpkg\n(?:.+\n)*?Architecture: (\S+)/m }
  (stat "/var/lib/dpkg/info/$name:$architecture.list")[9] }

# The names that differ between two configurations. Who may read a file counts; the release of a runtime's own is another's.
sub differing { my ($one, $other) = @_;
  grep { my ($a, $b) = ($one->{$_}, $other->{$_}); !$a || !$b || $a->[0] ne $b->[0] || $a->[1] != $b->[1] || $a->[3] != $b->[3] }
    sort keys %{ { %$one, %$other } } }

sub runtime_of { my $entry = $_[0]{runtime}; my ($name) = split /\n/, $entry ? $entry->[0] : ""; $name // "" }
