# shellcheck shell=dash
# Certificates below /etc/ssl/capstan: DOMAIN is a link to a directory that holds one fullchain.pem and its
# privkey.pem, so that one rename(2) of the link changes both. The directory of the pair before stays beside it.

certificate_base=/etc/ssl/capstan

# certificate_install DOMAIN CHAIN KEY: a copy of this pair of files is what DOMAIN holds from now on. Refuses a key
# that is not the certificate's; the same pair again changes nothing. Without modules, as prelude.sh says; 2 is LOCK_EX
# of flock(2).
certificate_install() {
  public=$(openssl x509 -in "$2" -noout -pubkey) || return
  if [ "$public" != "$(openssl pkey -in "$3" -pubout -passin pass:)" ]; then
    echo "$2: $3 is not the key of this certificate; the pair in service was not touched" >&2
    return 1
  fi
  perl -e '
    use strict; my ($base, $domain, %from) = @ARGV; umask 077; $/ = undef;
    open my $lock, ">>", "$base/.lock" or die "$base/.lock: $!\n"; flock $lock, 2;
    my $link = "$base/$domain"; my %body = map { $_ => content($from{$_}) } keys %from;
    exit 0 if -l $link && !grep { (-f "$link/$_" ? content("$link/$_") : "") ne $body{$_} } keys %body;
    my ($s, $i, $h, $d, $m, $y) = gmtime; my $now = sprintf "%04d%02d%02dT%02d%02d%02dZ", $y + 1900, $m + 1, $d, $h, $i, $s;
    my $name = ".$domain.$now-$$"; my $new = "$base/$name";
    mkdir $new, 0700 or die "$new: $!\n";
    for (keys %body) { open my $file, ">", "$new/$_" or die "$new/$_: $!\n";
      print {$file} $body{$_} and close $file or die "$new/$_: $!\n" }
    system("sync", "--", (map { "$new/$_" } keys %body), $new) == 0 or die "$new: it can\x27t be synced to the disk\n";
    my $before = -l $link ? readlink $link : ".$domain.before";
    if (-d $link && !-l $link) { system "rm", "-rf", "--", "$base/$before"; rename $link, "$base/$before" or die "$link: $!\n" }
    unlink "$link.new"; symlink $name, "$link.new" and rename "$link.new", $link or die "$link: $!\n";
    system "sync", $base; opendir my $all, $base; my @old = grep { /^\Q.$domain.\E(?:\d{8}T\d{6}Z-\d+|before)$/ } readdir $all;
    system "rm", "-rf", "--", map { "$base/$_" } grep { $_ ne $name && $_ ne $before } @old;
    sub content { open my $file, "<", $_[0] or die "$_[0]: $!\n"; my $all = <$file>; $all }
  ' -- "$certificate_base" "$1" fullchain.pem "$2" privkey.pem "$3"
}
