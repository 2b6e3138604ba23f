import { role } from '#engine/converge/role.ts'
import { reloadOptions } from '../nginx/reload.ts'
import vars, { isPublic } from './vars.ts'

/** The site's certificate: /etc/ssl/capstan/<domain>/fullchain.pem and privkey.pem, whatever its source. */
export default role(import.meta, {
  vars,
  tasks({ vars, site, apt, certificate, directory, file, handler, link, service, unit }) {
    const names = [site.domain, ...site.www]
    const hook = `/etc/letsencrypt/renewal-hooks/deploy/capstan-${site.domain}`
    const reload = handler('reload nginx', service.reload('nginx', { ...reloadOptions, ifActive: true }))
    apt('openssl')
    // What the certificate is checked with: its own chain, or the CAs that the system knows.
    const ca = `/etc/ssl/capstan/${site.domain}.ca`
    if (isPublic(vars)) {
      apt('ca-certificates')
      file.absent(ca)
    } else link(ca, `${site.domain}/fullchain.pem`)

    if (vars.source === 'acme') {
      apt('certbot')
      // What certbot trusts, in our order and in its timer's.
      const directoryCa = '/etc/letsencrypt/capstan-ca.pem'
      const dropIn = 'certbot.service.d/capstan.conf'
      if (vars.acmeCa === undefined) {
        file.absent(directoryCa)
        unit.absent(dropIn)
      } else {
        file(directoryCa, { content: vars.acmeCa })
        directory('/etc/systemd/system/certbot.service.d')
        unit(dropIn, { vars: { ca: directoryCa } })
      }
      directory('/etc/letsencrypt/renewal-hooks')
      directory('/etc/letsencrypt/renewal-hooks/deploy')
      file(hook, { mode: '0755', content: certificate.renewalHook(site.domain, reloadNginx) })
      service('certbot.timer', { enabled: true, running: true })
      certificate.acme(site.domain, names, {
        directory: vars.acme.directory,
        email: site.email,
        webroot: '/var/www/acme',
        ca: vars.acmeCa && directoryCa,
        notify: reload,
      })
      return
    }
    // A lineage from before goes on being renewed; it must not take this one's place.
    file.absent(hook)
    if (vars.given) certificate.files(site.domain, vars.given, { notify: reload })
    else certificate.selfSigned(site.domain, names, { days: vars.days, notify: reload })
  },
})

const reloadNginx = 'if systemctl is-active -q nginx; then nginx -q -t && systemctl reload nginx; fi\n'
