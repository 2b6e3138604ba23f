const stat = (format: string, wanted: string, ...paths: readonly string[]) =>
  `stat -c '${format}' ${paths.join(' ')} | sort -u | cmp - /dev/fd/3 3<<'END'\n${wanted}\nEND`
/**
 * The command prints no line, or none but those that a pattern matches. Not by `!`, which `set -e` overlooks. A command that could not
 * look fails: it prints an error, or exits with more than 1, the status of a grep without a match.
 */
const nothing = (command: string, but?: string) =>
  `found=$({ { set +x; } 2>/dev/null; ${command}; } 2>/run/nothing.errors) || [ $? = 1 ]
  if [ -s /run/nothing.errors ]; then cat /run/nothing.errors >&2; exit 1; fi
  [ -z "$(printf %s "$found"${but === undefined ? '' : ` | grep -vE '${but}'`})" ]`
const sshd = (...settings: readonly string[]) =>
  settings.map(one => `sshd -T | grep -qix '${one}'`).join('\n')
/** base-files, which each host has, is the witness. dpkg-query also prints an error for each name that it does not know. */
const noPackage = (...names: readonly string[]) =>
  `[ "$(dpkg-query -W -f '\${db:Status-Status} \${Package}\\n' base-files ${names.join(' ')} 2>/dev/null | grep '^installed')" = 'installed base-files' ]`
/** Files that go while find looks are no error. */
const find = 'find / -xdev -ignore_readdir_race'
const setuid =
  'chage|chfn|chsh|crontab|dbus-daemon-launch-helper|expiry|fusermount3?|gpasswd|mount|newgrp|passwd|polkit-agent-helper-1|ssh-agent|ssh-keysign|su|sudo|sudoedit|umount|unix_chkpwd|wall|write|auth_pam_tool'

/**
 * Controls of docs/security.md that a command shows, by the first of their row: shell that exits with 0 on a converged host
 * where they are met. A row that names a command and is not here fails a test of the page.
 */
export const controls: Readonly<Record<string, string>> = {
  'os-01': nothing(`${find} -name .rhosts -o -name .netrc -o -name hosts.equiv`),
  'os-02': `${stat('%a %U:%G', '640 root:shadow', '/etc/shadow')}\n${stat('%a %U', '644 root', '/etc/passwd')}\n${stat('%a', '755', '/var/log')}`,
  'os-03b': nothing(`awk -F: '$2 != "x"' /etc/passwd`),
  'os-04': nothing('echo "$PATH" | tr : "\\n" | grep -x "\\.\\|"'),
  'os-05': `${stat('%a %U:%G', '644 root:root', '/etc/login.defs')}
    for line in 'LOGIN_RETRIES 5' 'LOGIN_TIMEOUT 60' 'UID_MIN 1000' 'PASS_WARN_AGE 7'; do awk '{ print $1, $2 }' /etc/login.defs | grep -qx "$line"; done`,
  'os-06': nothing(`${find} -perm /6000 -type f -printf "%f\\n"`, `^(${setuid})$`),
  'os-07': nothing('for file in passwd group; do cut -d: -f3 /etc/$file | sort | uniq -d; done'),
  'package-01': noPackage(
    'inetd',
    'xinetd',
    'openbsd-inetd',
    'telnetd',
    'rsh-server',
    'nis',
    'ypserv',
    'tftpd*',
    'prelink',
  ),
  'sysctl-12': '[ "$(cat /proc/sys/net/ipv4/conf/all/shared_media)" = 1 ]',
  'sysctl-33': 'grep -qwm1 nx /proc/cpuinfo || [ "$(uname -m)" != x86_64 ]',
  'sshd-01': `${nothing("sshd -T | grep -E '^(ciphers|kexalgorithms|macs) ' | cut -d' ' -f2 | tr , '\\n'", '^(aes(128|256)-gcm@openssh.com|aes(128|192|256)-ctr|hmac-sha2-(256|512)-etm@openssh.com|umac-128-etm@openssh.com|(mlkem768|sntrup761|curve)[a-z0-9-]*(@[a-z.]+)?|diffie-hellman-group1[68]-sha512)$')}`,
  'sshd-04': stat('%a %U:%G', '755 root:root', '/etc/ssh'),
  'sshd-07': sshd('port 22'),
  'sshd-11': sshd(
    ...[
      'strictmodes yes',
      'loglevel verbose',
      'permituserenvironment no',
      'pubkeyauthentication yes',
      'ignorerhosts yes',
    ],
    ...[
      'hostbasedauthentication no',
      'permitemptypasswords no',
      'kbdinteractiveauthentication no',
      'tcpkeepalive no',
    ],
    ...['permittunnel no', 'allowtcpforwarding no', 'allowagentforwarding no', 'gatewayports no'],
  ),
  'sshd-18': sshd(
    'logingracetime 30',
    'maxstartups 10:30:60',
    'clientaliveinterval 60',
    'clientalivecountmax 2',
  ),
  'sshd-08': sshd(
    ...[
      'addressfamily any',
      'syslogfacility auth',
      'maxsessions 10',
      'kerberosauthentication no',
      'printmotd no',
      'banner none',
    ],
    ...[
      'kerberosticketcleanup yes',
      'gssapiauthentication no',
      'gssapicleanupcredentials yes',
      'x11uselocalhost yes',
    ],
  ),
  'sshd-47': "ssh-keyscan localhost 2>&1 | grep -qxE '# localhost:22 SSH-2.0-OpenSSH_[0-9.p]+'",
  'sshd-48': nothing("awk '$5 < 2047 && $5 ~ /^[0-9]+$/' /etc/ssh/moduli"),
  'sshd-49': nothing("pgrep -xa sshd | grep -iE 'ciphers|macs|kex'"),
  'ssh-01': stat('%a %U:%G', '644 root:root', '/etc/ssh/ssh_config'),
  'ssh-02': `for line in 'addressfamily any' 'port 22' 'batchmode no' 'forwardagent no' 'forwardx11 no' 'hostbasedauthentication no' 'tunnel false' 'permitlocalcommand no'; do ssh -G localhost | grep -qx "$line"; done
    ssh -G localhost | grep -qxE 'stricthostkeychecking (ask|true)'`,
  'nginx-01': `[ "$(ps -C nginx -o user=,args= | awk '/worker/ { print $1 }' | sort -u)" = www-data ]`,
  'nginx-04': '[ "$(ps -C nginx -o args= | grep -c master)" = 1 ]',
  'mysql-conf-02': '[ "$(pgrep -xc mariadbd)" = 1 ]',
  'mysql-conf-03': `[ "$(ps -C mariadbd -o user= | tr -d ' ')" = mysql ]
    for line in 'old-passwords FALSE' 'skip-grant-tables FALSE' 'allow-suspicious-udfs FALSE'; do mariadbd --help --verbose 2>/dev/null | awk '{ print $1, $2 }' | grep -qx "$line"; done`,
  'mysql-conf-03b': `[ "$(mariadb -Ne 'SELECT @@secure_auth')" = 1 ]`,
  'mysql-conf-04': stat('%U:%G', 'mysql:mysql', '/var/lib/mysql', '/var/lib/mysql/ibdata1'),
  'mysql-conf-06': nothing('find /var/log/mysql -perm /o=rwx -o ! -user mysql'),
  'mysql-db-01': `mariadb -Ne 'SELECT VERSION()' | grep -qE '^(10\\.11|11\\.8)\\.'`,
  'mysql-db-05': nothing(
    `mariadb -Ne "SELECT User, Priv FROM mysql.global_priv WHERE JSON_VALUE(Priv, '$.account_locked') IS NULL AND JSON_VALUE(Priv, '$.plugin') = 'mysql_native_password' AND COALESCE(JSON_VALUE(Priv, '$.authentication_string'), '') = ''"`,
  ),
  'mysql-db-06': nothing(
    `mariadb -Ne "SELECT DISTINCT GRANTEE FROM information_schema.USER_PRIVILEGES WHERE IS_GRANTABLE = 'YES'"`,
    '^.(root|mysql).@.localhost.$',
  ),
  '1.2.1.1': nothing(
    'grep -rhiE "trusted *= *yes|allow-insecure *= *yes|^(trusted|allow-insecure): *yes" /etc/apt',
  ),
  '1.5.3': `grep -qx '\\* hard core 0' /etc/security/limits.d/capstan.conf; grep -qx Storage=none /etc/systemd/coredump.conf.d/capstan.conf
    [ "$(systemctl show -p DefaultLimitCORESoft --value)" = 0 ]`,
  '1.5.4': noPackage('prelink', 'apport'),
  '1.6.2': `head -qn 1 /etc/issue /etc/issue.net | grep -c '^Authorized users only' | grep -qx 2\n${stat('%a %U', '644 root', '/etc/issue', '/etc/issue.net')}`,
  '1.6.4': stat('%a %U', '644 root', '/etc/motd'),
  '1.7.1': noPackage('gdm3'),
  '2.1.1': noPackage(
    'autofs',
    'avahi-daemon',
    'isc-dhcp-server',
    'kea',
    'dnsmasq',
    'vsftpd',
    'slapd',
    'dovecot-*d',
    'nfs-kernel-server',
    'ypserv',
    'cups',
    'rpcbind',
    'samba',
    'snmpd',
    'tftpd*',
    'squid',
    'xinetd',
    'xserver-common',
  ),
  '2.1.13': nothing(
    'systemctl list-unit-files --no-legend rsync.service',
    '^rsync.service +(disabled|masked) ',
  ),
  '2.1.21': nothing("ss -Hltn | awk '{ print $4 }' | grep -E ':(25|465|587)$'", '^(127\\.|\\[::1)'),
  '2.2.1': noPackage('nis', 'rsh-client', 'talk', 'telnet', 'ldap-utils', 'ftp'),
  '3.1.1': 'nft list table inet capstan | grep -q "policy drop"',
  '3.1.2': `${nothing('find /sys/class/net/*/ -maxdepth 1 -name wireless')}\n${noPackage('bluez')}`,
  '4.3.6': `nft list chain inet capstan input | grep -qE 'iif(name)? "?lo"? accept'; nft list chain inet capstan input | grep -q established
    [ "$(cat /proc/sys/net/ipv4/conf/all/route_localnet)" = 0 ]`,
  '4.3.2': noPackage('ufw', 'iptables'),
  '5.1.2': `${stat('%a %U:%G', '600 root:root', '/etc/ssh/ssh_host_*_key')}\n${stat('%a %U:%G', '644 root:root', '/etc/ssh/ssh_host_*_key.pub')}`,
  '5.1.7': sshd('maxauthtries 4', 'usepam yes'),
  '5.1.8': sshd('x11forwarding no', 'allowstreamlocalforwarding no', 'disableforwarding no'),
  '5.1.9': sshd('gssapiauthentication no', 'maxsessions 10'),
  '5.2.2': `[ -z "$(command -v sudo)" ] || { grep -rqE '^Defaults.*use_pty' /etc/sudoers; ${nothing("grep -rE '^[^#].*!authenticate' /etc/sudoers /etc/sudoers.d")}; sudo -V | grep -q 'timestamp timeout: 15'; }`,
  '5.3.1.1':
    'grep -qE "^password.*pam_unix.so.*yescrypt" /etc/pam.d/common-password; [ -z "$(grep remember= /etc/pam.d/common-password)" ]',
  '5.3.3.4.1': nothing(`awk -F: '$2 == ""' /etc/shadow`),
  '5.4.1.3': `grep -qE '^PASS_WARN_AGE\\s+7' /etc/login.defs; grep -qE '^ENCRYPT_METHOD\\s+(SHA512|YESCRYPT)' /etc/login.defs`,
  '5.4.1.6': nothing("awk -F: -v now=$(($(date +%s) / 86400)) '$3 > now' /etc/shadow"),
  '5.4.2.1': `${nothing(`awk -F: '$3 == 0 || $4 == 0 { print $1 }' /etc/passwd`, '^root$')}
    ${nothing(`awk -F: '$3 < 1000 && $1 !~ /^(root|sync)$/ && $7 !~ /(nologin|false)$/' /etc/passwd`)}
    ${nothing(`awk -F: '$1 != "root" && $2 !~ /^[!*]/' /etc/shadow`)}`,
  '5.4.2.4': `passwd -S root | grep -qE '^root (L|P) '; ${nothing("echo $PATH | tr : '\\n' | grep -v ^/")}`,
  '5.4.3.1': nothing('grep nologin /etc/shells'),
  '6.1.1.1': `systemctl is-active -q systemd-journald; systemd-tmpfiles --cat-config | grep -q '/var/log/journal'; ${nothing('systemctl list-units --no-legend systemd-journal-remote.socket')}`,
  '6.1.1.3': `systemd-analyze cat-config systemd/journald.conf | grep -qx Storage=persistent; systemd-analyze cat-config systemd/journald.conf | grep -q ^SystemMaxUse=; [ -d /var/log/journal ]`,
  '6.1.1.4': noPackage('rsyslog'),
  '6.1.4.1': nothing('find /var/log/nginx /var/log/mysql -type f -perm /4'),
  '7.1.1': `${stat('%a %U:%G', '644 root:root', '/etc/passwd*', '/etc/group*', '/etc/shells')}\n${stat('%a %U:%G', '640 root:shadow', '/etc/shadow', '/etc/gshadow')}`,
  '7.1.11': nothing(`${find} -perm -0002 ! -type l ! -perm -1000 ! -type c ! -type s`),
  '7.1.12': nothing(`${find} -nouser -o -nogroup`),
  '7.1.13': nothing(
    `${find} -perm /6000 -type f -exec sh -c "dpkg -S {} >/dev/null 2>&1 || dpkg -S \\$(echo {} | sed s,^/usr,,) >/dev/null 2>&1 || echo {}" \\;`,
  ),
  '7.2.1': `${nothing(`awk -F: '$2 == ""' /etc/shadow`)}; ${nothing('getent group shadow | cut -d: -f4')}; ${nothing('cut -d: -f1 /etc/passwd | sort | uniq -d')}`,
  '7.2.10': nothing("find /root /home -name '.*' -perm /022 ! -type l"),
}
