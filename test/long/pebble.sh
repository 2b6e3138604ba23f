# Let's Encrypt's small test CA on this host: directory https://localhost:14000/dir, root at :15000/roots/0, names
# looked up at this host's own DNS server. $1: per cent of good nonces that it refuses.
set -e
mkdir -p /etc/pebble
cd /etc/pebble
if ! [ -e api.pem ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -keyout ca.key -out ca.pem \
    -subj '/CN=API of the test CA' 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout api.key -out api.csr -subj /CN=localhost 2>/dev/null
  echo 'subjectAltName=DNS:localhost' >api.ext
  openssl x509 -req -in api.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -extfile api.ext -out api.pem 2>/dev/null
fi
cat >config.json <<'E'
{ "pebble": { "listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000",
  "certificate": "/etc/pebble/api.pem", "privateKey": "/etc/pebble/api.key", "httpPort": 80, "tlsPort": 443 } }
E
cat >/etc/systemd/system/pebble.service <<E
[Service]
ExecStart=/usr/bin/pebble -config /etc/pebble/config.json -dnsserver 127.0.0.1:53
Environment=PEBBLE_VA_NOSLEEP=1 PEBBLE_AUTHZREUSE=0 PEBBLE_WFE_NONCEREJECT=$1
E
systemctl daemon-reload
systemctl restart pebble
for try in $(seq 50); do curl -sk https://localhost:15000/roots/0 >root.pem && break; sleep 0.1; done
# It keeps accounts in memory: those that certbot remembers are gone.
rm -rf /etc/letsencrypt/accounts
