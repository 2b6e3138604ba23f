/** A shell line that deletes what an app has on a host, but for its database and its account. An app's name is plain. */
export function purge(app: string): string {
  const units = '/etc/systemd/system'
  return [
    // Its units by their user: another app's name may begin with this one's.
    `for unit in $(grep -lx 'User=${app}' ${units}/*.service); do rm -f -- "$unit" "\${unit%.service}.timer"; done`,
    `rm -f -- ${units}/${app}.service ${units}/capstan-port-${app}@.*`,
    'systemctl daemon-reload',
    `rm -rf -- /srv/www/${app} /etc/capstan/${app}`,
  ].join('; ')
}

/** A shell line that succeeds where something of it is there. */
export function isLeft(app: string): string {
  return `[ -e /srv/www/${app} ] || [ -e /etc/capstan/${app} ] || [ -e /etc/systemd/system/${app}.service ]`
}
