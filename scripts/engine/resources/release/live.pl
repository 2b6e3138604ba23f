# The live release of each app, seven NUL-ended fields: its id; whether its instance runs and takes connections; what of its
# configuration differs from the host's present one, and the runtime that it was started with; whether it has the file that
# the present runtime runs; other instances that run. Reads NUL-separated pairs of an app and that file.
# configuration.pl is part of it.
local $/; my @in = split /\0/, <STDIN>, -1; $/ = "\n"; binmode STDOUT;
my $id = qr/[0-9]{8}T[0-9]{6}Z-[0-9a-f]{7}/;
# systemd keeps a link here for each unit that runs, starts or stops.
opendir my $units, "/run/systemd/units"; my @units = map { /^invocation:(.*)/ ? $1 : () } readdir $units;
while (my ($app, $entry) = splice @in, 0, 2) {
  my $base = "/srv/www/$app";
  my ($live) = (readlink "$base/current" // "") =~ m{(?:^|/)releases/($id)$}; $live //= "";
  my @running = map { /^\Q$app\E\@($id)\.service$/ ? $1 : () } @units;
  my ($active, $answers, $differing, $kept, $has) = ("", "", "", "", "");
  if ($live ne "") {
    my ($now, $own) = (present($app), kept($base, $app, $live));
    $active = grep({ $_ eq $live } @running) ? 1 : 0;
    $answers = -l "$base/releases/$live/.capstan/files" || answers("$base/releases/$live/run/app.sock") ? 1 : 0;
    $differing = join ",", differing($now, $own);
    $kept = runtime_of($own);
    $has = -e "$base/releases/$live/$entry" ? 1 : 0;
  }
  print join "\0", $live, $active, $answers, $differing, $kept, $has, join(",", sort grep { $_ ne $live } @running), "";
}

# 1 is PF_UNIX and SOCK_STREAM; the address is a family and a path.
sub answers { my ($path) = @_; socket my $socket, 1, 1, 0 or return 0; connect $socket, pack "S a*", 1, "$path\0" }
