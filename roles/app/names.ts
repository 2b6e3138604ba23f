import { CapstanError } from '#engine/errors.ts'

/**
 * Throws CapstanError when the app would take over an account or a unit of the host's own: its name becomes a
 * user, `<app>.service` and `<app>@.service`.
 */
export function refuseTaken(app: string): void {
  if (!taken.test(app)) return
  throw new CapstanError(
    'app-name',
    `site.app: expected a name that the system has no use for itself, got “${app}”`,
    {
      hint: 'It becomes a unix user, a unit of systemd and a folder in /srv/www. Name the app after the site.',
    },
  )
}

// Accounts of base-passwd and of the packages a web server has; units of systemd and of these packages.
const taken =
  /^(root|daemon|bin|sys|sync|games|man|lp|mail|news|uucp|proxy|www-data|backup|list|irc|gnats|nobody|messagebus|sshd?|dbus|cron|anacron|nginx|apache2?|httpd|mysqld?|mariadb|postgres(ql)?|pdns|named|bind9?|redis(-server)?|memcached|certbot|pebble|apt-daily|logrotate|networking|network|nftables|iptables|ufw|rsyslog|sudo|sudoers|adm|user|getty|console-getty|container-getty|serial-getty|autovt|modprobe|rescue|emergency|quotaon|fstrim|man-db|e2scrub_all|capstan|_.*|systemd.*|dbus-.*|polkitd?|php.*)$/
