# Makes a release of the same content as another one on the host: its files are the other's, linked.
# Arguments: BASE OLD NEW RUN BY, BY in JSON.
my ($base, $old, $new, $run, $by) = @ARGV;
my ($from, $partial, $to) = ("$base/releases/$old", "$base/releases/.partial-$new", "$base/releases/$new");
die "$to exists\n" if -e $to;
system "rm", "-rf", "--", $partial;
my $done = eval { copy(); 1 };
unless ($done) { my $why = $@; system "rm", "-rf", "--", $partial; die $why }

sub copy {
  mkdir $partial, 0700 or die "$partial: $!\n"; mkdir "$partial/.capstan", 0755 or die "$partial: $!\n";
  open my $manifest, "<", "$from/.capstan/manifest" or die "$from/.capstan/manifest: $!\n"; binmode $manifest;
  while (<$manifest>) {
    chomp; my ($type, @fields) = split /\t/, $_, -1; my $path = plain($fields[-1]);
    if ($type eq "d") { mkdir "$partial/$path", 0755 or die "$path: $!\n" }
    elsif ($type eq "l") { symlink plain($fields[0]), "$partial/$path" or die "$path: $!\n" }
    elsif ($type eq "f") { link "$from/$path", "$partial/$path" or die "$path: $!\n" }
    else { die "$from/.capstan/manifest: line $. is none of a manifest\n" }
  }
  link "$from/.capstan/manifest", "$partial/.capstan/manifest" or die "manifest: $!\n";
  !-e "$from/.capstan/install" or link "$from/.capstan/install", "$partial/.capstan/install" or die "install: $!\n";
  open my $in, "<", "$from/.capstan/release" or die "$from/.capstan/release: $!\n"; my $facts = <$in> // "";
  $facts =~ s/"id":"\Q$old\E"/"id":"$new"/ or die "$from/.capstan/release is none of $old\n";
  $facts =~ s/\}\s*$/,"copyOf":"$old"}\n/ unless $facts =~ /"copyOf":"/;
  open my $out, ">", "$partial/.capstan/release" or die "release: $!\n";
  print {$out} $facts and close $out or die "release: $!\n";
  chmod 0755, $partial or die "$partial: $!\n";
  system("sync", "-f", "--", $partial) == 0 or die "$partial can't be written to the disk\n";
  rename $partial, $to or die "$to: $!\n";
}
