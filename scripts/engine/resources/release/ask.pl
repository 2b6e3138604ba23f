# Asks a release until it answers well so many times in a row, and says how it answered in one line.
# Arguments: WAY PATH HOST RELEASE NAMED PASSES TIMEOUT CA [STATUS]. WAY is unix:SOCKET, tcp:ADDRESS:PORT or tls:ADDRESS:PORT; NAMED 1: the answer
# has to name the release, as it did when it was asked on its own socket. By tls the certificate has to be of HOST and of
# what the file CA holds, or where there is none of a CA that the system knows.
use strict; use Socket;
my ($way, $path, $host, $release, $named, $passes, $timeout, $ca, $status) = @ARGV;
$status ||= 200;
my $end = now() + $timeout;
my ($good, $why, $names, $took, $pid) = (0, "no answer", 0, 0);
my $pause = 0.05;
my $said;
$SIG{PIPE} = "IGNORE";
while (now() < $end) {
  my $began = now();
  my $answer = eval { ask() };
  if (defined $pid) { kill KILL => $pid; waitpid $pid, 0; undef $pid }
  $took = now() - $began;
  if (!defined $answer) {
    my $new = $@ || "no answer"; chomp $new; $good = 0;
    # The last try has little time left: what an earlier one found says more.
    $why = $new unless $new =~ /^no answer within/ && now() >= $end && $why ne "no answer";
  }
  elsif ($answer eq "" && (my $refused = refused())) { $why = $refused; $good = 0 }
  elsif ($answer !~ m{^HTTP/1\.[01] (\d{3})}) { $why = $answer eq "" ? "the connection was closed without an answer" : "the answer is no HTTP"; $good = 0 }
  elsif ($1 != $status) { my $code = $1; $why = "answered $code" . beginning($answer); $good = 0 }
  else {
    $names = index($answer, $release) >= 0;
    if ($named && !$names) { $why = "answered 200, but not as this release" . beginning($answer); $good = 0 }
    else { $good++; $why = "no answer" }
  }
  if ($good >= $passes) { printf "$status in %d ms%s\n", $took * 1000 + 0.5, $names ? ", names its release" : ""; exit 0 }
  # A release that is on its way up is asked often at first; one that is broken doesn't have its log filled.
  $pause = $good ? 0.1 : $pause < 1 ? $pause * 1.5 : 1;
  select undef, undef, undef, $pause;
}
print "GET $path of $host: $why (asked for $timeout s)\n";
exit 1;

sub ask {
  my $asked = now();
  my $late = $asked + 5;
  $late = $end + 0.2 if $late > $end + 0.2;
  my ($in, $out);
  my ($kind, $at) = split /:/, $way, 2;
  if ($kind eq "unix") {
    socket $in, PF_UNIX, SOCK_STREAM, 0 or die "socket: $!\n";
    connect $in, sockaddr_un($at) or die "$at: $!\n";
    $out = $in;
  } elsif ($kind eq "tcp") {
    my ($address, $port) = $at =~ /^(.*):(\d+)$/;
    socket $in, PF_INET, SOCK_STREAM, 0 or die "socket: $!\n";
    connect $in, sockaddr_in($port, inet_aton($address) // die "$address: no such address\n") or die "$at: $!\n";
    $out = $in;
  } else {
    pipe my $from, $out or die "pipe: $!\n"; pipe $in, my $to or die "pipe: $!\n";
    open $said, "+>", undef or die "$!\n";
    my @trust = -e $ca ? ("-CAfile", $ca) : ("-CApath", "/etc/ssl/certs");
    $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
      open STDIN, "<&", $from; open STDOUT, ">&", $to; open STDERR, ">&", $said; close $out; close $in;
      exec "openssl", "s_client", "-connect", $at, "-servername", $host, "-verify_hostname", $host, "-verify_return_error",
        "-partial_chain", @trust, "-quiet", "-ign_eof"; kill KILL => $$;
    }
    close $from; close $to;
  }
  my $request = "GET $path HTTP/1.0\r\nHost: $host\r\nX-Release: $release\r\nUser-Agent: capstan\r\nAccept: */*\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\n";
  defined syswrite $out, $request or die "$!\n";
  my $answer = "";
  my $bit = ""; vec($bit, fileno $in, 1) = 1;
  while (length $answer < 262144) {
    my $left = $late - now();
    die sprintf "no answer within %.1f s\n", $late - $asked if $left <= 0 || !select my $ready = $bit, undef, undef, $left;
    my $n = sysread $in, my $block, 65536;
    last unless $n;
    $answer .= $block;
  }
  $answer;
}

# Why openssl did not take the certificate; undefined: that is not the reason.
sub refused {
  return unless $said;
  seek $said, 0, 0; local $/; my $text = <$said> // "";
  my ($error) = $text =~ /verify error:num=\d+:(.*)/ or return;
  my ($of) = $text =~ /depth=0 (.*)/;
  "a browser would refuse the certificate" . (defined $of ? " of $of" : "") . ": $error";
}

# Seconds since the boot, to a hundredth. POSIX would take longer to load than all the rest; Time::HiRes is not of perl-base.
sub now { open my $up, "<", "/proc/uptime" or die "/proc/uptime: $!\n"; (split ' ', <$up>)[0] }

sub beginning { my ($body) = $_[0] =~ /\r\n\r\n(.*)/s or return ""; $body =~ s{<(style|script)\b.*?</\1\s*>}{ }gis; $body =~ s/<[^>]*>/ /g; $body =~ s/\s+/ /g; $body =~ s/^ //; $body eq "" ? "" : ": " . substr $body, 0, 120 }
