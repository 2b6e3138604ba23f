# shellcheck shell=dash disable=SC2034
# How a pair comes to be: given, self-signed, or ordered. Needs install.sh before it.

# certificate_room DOMAIN: an empty directory for a pair in the making, in $room.
certificate_room() {
  command -v openssl >/dev/null || { echo "openssl is not on this host: declare apt('openssl') before the certificate" >&2; return 1; }
  mkdir -p -- "$certificate_base" && chmod 0755 -- "$certificate_base"
  room=$certificate_base/.$1.making
  rm -rf -- "$room" && mkdir -m 0700 -- "$room"
}

# certificate_self_signed DOMAIN DAYS NAME…: a new pair that vouches for itself: a leaf (CA:FALSE), so that trusting
# it trusts these names and nothing it could sign.
certificate_self_signed() {
  certificate_room "$1" || return
  domain=$1 days=$2; shift 2
  common=$domain; [ ${#common} -le 64 ] || common=self-signed
  {
    printf '[req]\nprompt=no\ndistinguished_name=name\nx509_extensions=leaf\n[name]\nCN=%s\n' "$common"
    printf '[leaf]\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n'
    printf 'extendedKeyUsage=serverAuth\nsubjectKeyIdentifier=hash\nsubjectAltName=@names\n[names]\n'
    count=0; for each; do count=$((count + 1)); printf 'DNS.%s=%s\n' "$count" "$each"; done
  } >"$room/request"
  ( umask 077; openssl req -x509 -new -batch -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -days "$days" \
    -config "$room/request" -keyout "$room/privkey.pem" -out "$room/fullchain.pem" 2>"$room/said" ) ||
    { cat "$room/said" >&2; return 1; }
  certificate_install "$domain" "$room/fullchain.pem" "$room/privkey.pem" && rm -rf -- "$room"
}

# certificate_order DOMAIN DIRECTORY EMAIL CA WEBROOT HOOK ADDRESS NAME…: one order of certbot's, at most one in a run; what it
# brings is installed. Where it brings nothing the pair in service stays, and the last line says what to do next.
certificate_order() {
  domain=$1 directory=$2 email=$3 ca=$4 webroot=$5 hook=$6 address=$7; shift 7
  run=${0%/script}; run=${run##*/}; run=${run%-*}
  ordered=/var/lib/capstan/order.$domain
  if [ "$(cat -- "$ordered" 2>/dev/null)" = "$run" ]; then
    echo "this run has ordered a certificate for $domain already and it is not as declared; no second order was made" >&2
    return 1
  fi
  ( umask 022; mkdir -p -- "$webroot/.well-known/acme-challenge" ) || return
  certificate_challenge "$webroot" "$@" || return
  [ -z "$address" ] || certificate_addresses "$address" "$@" || return
  for wait in $(seq 120); do systemctl is-active -q certbot.service || break; sleep 1; done
  printf '%s\n' "$run" >"$ordered"
  for each; do shift; set -- "$@" -d "$each"; done
  if [ -z "$hook" ]; then set -- "$@" --webroot -w "$webroot"
  else set -- "$@" --manual --preferred-challenges http,dns --manual-auth-hook "$hook publish" --manual-cleanup-hook "$hook remove"; fi
  old=
  if [ -e "/etc/letsencrypt/renewal/$domain.conf" ]; then set -- "$@" --force-renewal --renew-with-new-domains
  else old=$domain.before; certificate_rename "$domain" "$old" || return; fi
  said=$(mktemp)
  code=0
  ( unset REQUESTS_CA_BUNDLE; [ -z "$ca" ] || export REQUESTS_CA_BUNDLE="$ca"
    exec timeout -k 10 600 certbot certonly -n --agree-tos --no-eff-email -m "$email" \
      --server "$directory" --cert-name "$domain" --no-directory-hooks "$@" ) >"$said" 2>&1 || code=$?
  if [ "$code" != 0 ]; then
    # Debian 12's certbot fails on each error of the CA and prints that failure instead; the CA's words are in its log.
    ! grep -q "AttributeError: can't set attribute" "$said" ||
      grep '^acme.messages.Error: ' /var/log/letsencrypt/letsencrypt.log | tail -n 1 >"$said" || :
    grep -Ev '^(Saving debug log|Ask for help|Requesting a|Account registered|Hint: |Renewing an|Some challenges)|^$' "$said" >&2 || :
    [ "$code" != 124 ] || echo "certbot did not end within 600 s" >&2
    certificate_advice "$said" "$directory" >&2
    [ -z "$old" ] || [ -e "/etc/letsencrypt/renewal/$domain.conf" ] || certificate_rename "$old" "$domain"
    rm -f -- "$said"; return 1
  fi
  rm -f -- "$said"
  [ -z "$old" ] || rm -rf -- "/etc/letsencrypt/live/$old" "/etc/letsencrypt/archive/$old"
  certificate_install "$domain" "/etc/letsencrypt/live/$domain/fullchain.pem" "/etc/letsencrypt/live/$domain/privkey.pem"
}

# certificate_rename FROM TO: files of a certificate that certbot does not renew any more, as those of a site that was removed. It
# orders none for a name that has such files.
certificate_rename() {
  for folder in live archive; do
    [ -d "/etc/letsencrypt/$folder/$1" ] || continue
    rm -rf -- "/etc/letsencrypt/$folder/$2" && mv -T -- "/etc/letsencrypt/$folder/$1" "/etc/letsencrypt/$folder/$2" || return
  done
}

# certificate_challenge WEBROOT NAME…: port 80 of this host serves the files of the webroot, under each name. Asked
# here, a wrong answer costs nothing; asked by the CA it counts as a failed validation, and those are limited.
certificate_challenge() { perl -e '
  use strict; use IO::Socket::INET; my ($webroot, @names) = @ARGV; my $path = "/.well-known/acme-challenge/capstan-$$";
  my $word = "capstan " . join "", map { sprintf "%02x", rand 256 } 1 .. 16; umask 022;
  open my $file, ">", "$webroot$path" or die "$webroot$path: $!\n"; print {$file} $word; close $file;
  my $wrong = ""; for my $name (grep { !/^\*/ } @names) { $wrong = eval { ask($name) } // $@ and last } unlink "$webroot$path";
  die "$wrong; no certificate was ordered, the one in service stays\n"
    . "next: converge the web server first (role nginx), or stop what else listens on port 80\n" if $wrong;
  sub ask { my ($name) = @_;
    my $to = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => 80, Timeout => 10)
      or return "nothing answers on port 80 of this host, where the CA will look for $name";
    print {$to} "GET $path HTTP/1.0\r\nHost: $name\r\nConnection: close\r\n\r\n"; my $all = "";
    local $SIG{ALRM} = sub { die "no answer on port 80 of this host within 10 s" }; alarm 10;
    { local $/; $all = <$to> // "" } alarm 0;
    my ($status) = $all =~ m{^HTTP/\S+ (\d+)}; return "port 80 of this host does not speak HTTP" unless $status;
    # The CA follows redirects, and where this one leads cannot be judged from here.
    return "" if $status =~ /^3/ || $status == 200 && $all =~ /\Q$word\E\s*$/;
    return "http://$name$path is answered with $status on this host, not with the file in $webroot" }
' -- "$@"; }

# certificate_addresses ADDRESS NAME…: each name leads to ADDRESS or to an address of this host, as far as its resolver knows: the
# CA would look for its challenge at another host, and failed validations are limited. ADDRESS is `own` where there is no other.
# Not checked: names that do not resolve here or lead to loopback, as /etc/hosts often has it for the name of the host. On a host without
# a public address none is: it is reached at an address of another machine.
certificate_addresses() { perl -e '
  use strict; use Socket qw(:all); my ($address, @names) = @ARGV; my %own;
  # One way to write each address of IPv6: 2001:db8:0:0::1 and 2001:db8::1 are the same.
  $address = inet_ntop(AF_INET6, inet_pton(AF_INET6, $address) // die "$address: expected an address\n") if $address =~ /:/;
  $own{$address} = 1 if $address ne "own";
  if (open my $f, "<", "/proc/net/fib_trie") { my $last; while (<$f>) { $last = $1 if /\|-- ([\d.]+)/; $own{$last} = 1 if /\/32 host LOCAL/ } }
  if (open my $f, "<", "/proc/net/if_inet6") { while (<$f>) { my ($hex) = split; $own{inet_ntop(AF_INET6, pack "H*", $hex)} = 1 } }
  my @public = grep { !/^(127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|::1$|f[cd]|fe80)/ || $_ eq $address } sort keys %own;
  for my $family (AF_INET, AF_INET6) { my @ours = grep { (/:/ ? AF_INET6 : AF_INET) == $family } @public;
      next if !@ours && grep { !/^(127\.|169\.254\.|::1$|fe80)/ && (/:/ ? AF_INET6 : AF_INET) == $family } keys %own;
    for my $name (grep { !/^\*/ } @names) { my ($error, @all) = getaddrinfo($name, "", { family => $family, socktype => SOCK_STREAM });
      my @found = grep { !/^127\.|^::1$/ } map { (getnameinfo($_->{addr}, NI_NUMERICHOST))[1] } @all;
      next if $error || !@found || grep { $own{$_} } @found;
      # A record of the other family alone is not of this host either.
      next unless @public;
      die "$name leads to " . join(", ", @found) . "; expected " . join(" or ", @ours ? @ours : "no " . ($family == AF_INET ? "A" : "AAAA") . " record, since this host has no such address")
        . "; no certificate was ordered, the one in service stays\nnext: correct the DNS record, or site.address; where a CDN or another host passes requests on, set tls.acme.checkAddresses to false\n" } }
' -- "$@"; }

# certificate_advice OUTPUT DIRECTORY: the next step, by what certbot said. Source: RFC 8555, 6.7 Errors.
certificate_advice() {
  output=$1
  says() { grep -Eiq -- "$1" "$output"; }
  if says 'rateLimited|too many (certificates|failed|requests|new)'; then
    next='the CA limits how often one may ask: wait as long as it says above; try things out against its staging directory'
  elif says 'Hook .*(reported error|ran with error)|error output from'; then
    next='the challenge could not be published in DNS: converge the name server first (role dns), its message is above'
  elif says 'TXT record|looking up TXT'; then
    next='the CA asks another name server than this host: let the registrar, and the first of dns.nameservers, name this host'
  elif says 'no such host|could not resolve URL|NXDOMAIN|SERVFAIL|Type: *dns|DNS problem|no valid A'; then
    next="the CA can't find these names in DNS: let each have an A record with this host's address, and the registrar point to the servers that serve it"
  elif says 'Type: *caa|CAA record'; then
    next='a CAA record of the domain forbids this CA: allow it there (the dns role writes the record)'
  elif says 'Type: *unauthorized|Invalid response from'; then
    next="another server answers for these names: compare the address in DNS with this host's, IPv6 included"
  elif says 'Type: *connection|Timeout during connect|Connection reset'; then
    next='the CA cannot reach port 80 of this host: open it in the firewall, at the provider and on the router'
  elif says 'rejectedIdentifier|unsupportedIdentifier|forbidden by policy'; then
    next='the CA does not issue for one of these names: take it out of site.domain or site.www'
  elif says 'invalidEmail|invalidContact|unsupportedContact|contact email'; then
    next='the CA does not take the e-mail address: set site.email to one that can be written to'
  elif says 'accountDoesNotExist'; then
    next='the CA has forgotten the account that certbot has with it: remove its folder in /etc/letsencrypt/accounts on the host, certbot makes another'
  elif says 'externalAccountRequired'; then
    next='this CA wants an account made beforehand (external account binding), which this role does not do'
  elif says 'CERTIFICATE_VERIFY_FAILED|SSLError'; then
    next="the CA's own server is not trusted by this host: give its root as tls.acme.ca, or correct the host's clock"
  elif says 'Connection refused|Max retries exceeded|Failed to resolve|Name or service not known|timed out|Temporary failure'; then
    next="$2 can't be reached from this host: is the URL right, does the host get out on that port?"
  elif says 'badNonce|anti-replay nonce|serverInternal|Service.* unavailable|HTTP 50|status code 50'; then
    next='the CA has trouble of its own: run again later'
  elif says 'Another instance of Certbot'; then
    next='certbot is at work on this host: run again when it is through'
  else
    next='read /var/log/letsencrypt/letsencrypt.log on the host'
  fi
  echo "the certificate in service stays; next: $next"
}
