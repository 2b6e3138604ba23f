# shellcheck shell=dash
# make_tls GROUP NAMES: a CA of this host and a certificate of the server for NAMES (DNS:db1,IP:192.0.2.5), ECDSA P-256. The CA
# stays when the certificate is made again. The server reads its key by its group; that of the CA is root's.
tls=/etc/mysql/tls
is_current() {
  openssl x509 -in $tls/server.pem -noout -checkend 5184000 >/dev/null 2>&1 &&
    openssl verify -CAfile $tls/ca.pem $tls/server.pem >/dev/null 2>&1 && [ "$(cat $tls/names 2>/dev/null)" = "$1" ] &&
    own_=$(openssl pkey -in $tls/server-key.pem -pubout 2>/dev/null) &&
    [ "$(openssl x509 -in $tls/server.pem -noout -pubkey 2>/dev/null)" = "$own_" ]
}
# A subject's common name has 64 characters at most.
common_name() { printf %.64s "$*"; }
make_tls() {
  umask 077; mkdir -p $tls; chmod 0755 $tls; work=$(mktemp -d); trap 'rm -rf -- "$work"' EXIT
  if ! [ -s $tls/ca-key.pem ] || ! openssl x509 -in $tls/ca.pem -noout -checkend 31536000 >/dev/null 2>&1; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=$(common_name "MySQL CA of $(hostname)")" \
      -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign,cRLSign' \
      -keyout "$work/ca-key.pem" -out "$work/ca.pem" 2>"$work/said" || { cat "$work/said" >&2; return 1; }
    put $tls/ca-key.pem 0600 root root <"$work/ca-key.pem"
    put $tls/ca.pem 0644 root root <"$work/ca.pem"
  fi
  printf 'subjectAltName=%s\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n' "$2" >"$work/extensions"
  {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$(common_name "$(hostname)")" -keyout "$work/key.pem" -out "$work/request.pem" &&
      openssl x509 -req -in "$work/request.pem" -CA $tls/ca.pem -CAkey $tls/ca-key.pem -set_serial "0x$(openssl rand -hex 16)" \
        -days 1825 -extfile "$work/extensions" -out "$work/server.pem"
  } 2>"$work/said" || { cat "$work/said" >&2; return 1; }
  put $tls/server-key.pem 0640 root "$1" <"$work/key.pem"
  put $tls/server.pem 0644 root root <"$work/server.pem"
  printf '%s\n' "$2" | put $tls/names 0644 root root
}
