import { readFileSync } from 'node:fs'
import { role } from '#engine/converge/role.ts'
import { quote } from '#engine/quote.ts'
import type { Site } from '#engine/vars.ts'
import { reloadOptions } from '../nginx/reload.ts'
import { challengeHook, challengeProgram } from './challenge.ts'
import vars, { isPublic } from './vars.ts'

/** The certificate of each site: /etc/ssl/capstan/<domain>/fullchain.pem and privkey.pem, whatever its source. */
export default role(import.meta, {
  vars,
  tasks({ sites, removed, apt, certificate, directory, file, handler, link, service, unit }) {
    const reload = handler('reload nginx', service.reload('nginx', { ...reloadOptions, ifActive: true }))
    const ordered = sites.filter(({ vars }) => vars.source === 'acme')
    apt('openssl')
    if (sites.some(({ vars }) => isPublic(vars))) apt('ca-certificates')
    // What certbot trusts, in our order and in its timer's.
    const directoryCa = '/etc/letsencrypt/capstan-ca.pem'
    const acmeCa = ordered[0]?.vars.acmeCa
    if (ordered.length > 0) {
      apt('certbot')
      const dropIn = 'certbot.service.d/capstan.conf'
      if (acmeCa === undefined) {
        file.absent(directoryCa)
        unit.absent(dropIn)
      } else {
        file(directoryCa, { content: acmeCa })
        directory('/etc/systemd/system/certbot.service.d')
        unit(dropIn, { vars: { ca: directoryCa } })
      }
      directory('/etc/letsencrypt/renewal-hooks')
      directory('/etc/letsencrypt/renewal-hooks/deploy')
      for (const { site } of ordered)
        file(hookOf(site.domain), {
          mode: '0755',
          content: certificate.renewalHook(site.domain, reloadNginx),
        })
      // How a CA validates names such as *.foobar.com.
      if (ordered.some(({ site }) => hasWildcard(site)))
        file(challengeHook, { mode: '0755', content: challengeProgram() })
      service('certbot.timer', { enabled: true, running: true })
    }
    // A site that no longer orders its certificate may have a lineage that certbot still renews with the hook.
    if (!sites.some(({ site }) => hasWildcard(site))) file.absent(challengeHook)

    for (const { site, vars } of sites) {
      const names = [site.domain, ...site.www]
      // What the certificate is checked with: its own chain, or the CAs that the system knows.
      const ca = `/etc/ssl/capstan/${site.domain}.ca`
      if (isPublic(vars)) file.absent(ca)
      else link(ca, `${site.domain}/fullchain.pem`)
      if (vars.source === 'acme') {
        certificate.acme(site.domain, names, {
          directory: vars.acme.directory,
          email: site.email,
          webroot: '/var/www/acme',
          ca: acmeCa && directoryCa,
          hook: hasWildcard(site) ? challengeHook : undefined,
          address: site.address,
          checksAddresses: vars.acme.checkAddresses,
          notify: reload,
        })
        continue
      }
      // A lineage from before goes on being renewed; it must not take this one's place.
      file.absent(hookOf(site.domain))
      if (vars.given) certificate.files(site.domain, vars.given, { notify: reload })
      else certificate.selfSigned(site.domain, names, { days: vars.days, notify: reload })
    }
    const domains = sites.map(({ site }) => site.domain)
    for (const { domain } of removed.filter(one => !domains.includes(one.domain)))
      for (const path of [hookOf(domain), `/etc/letsencrypt/renewal/${domain}.conf`]) file.absent(path)
    for (const { domain } of removed.filter(one => one.isPurged && !domains.includes(one.domain)))
      for (const path of [
        ...[`/etc/ssl/capstan/${domain}`, `/etc/ssl/capstan/${domain}.ca`],
        ...['live', 'archive'].map(folder => `/etc/letsencrypt/${folder}/${domain}`),
      ])
        file.absent(path)
  },
  requires: ({ sites }) =>
    sites
      .filter(({ site, vars }) => vars.source === 'acme' && hasWildcard(site))
      .map(({ site }) => ({
        ...{ role: 'dns', site, key: 'www' },
        why: `a certificate for ${site.www.find(name => name.startsWith('*'))} is ordered by DNS-01, which needs this host as the name server: give it the role dns, set tls.source to files, or list the names without *`,
      })),
  status: ({ sites }) =>
    sites.map(({ site }) => ({
      name: 'certificate',
      script: `DOMAIN=${quote(site.domain)}\n${statusScript}`,
    })),
})

function hasWildcard({ www }: Site): boolean {
  return www.some(name => name.startsWith('*.'))
}

function hookOf(domain: string): string {
  return `/etc/letsencrypt/renewal-hooks/deploy/capstan-${domain}`
}

const reloadNginx = 'if systemctl is-active -q nginx; then nginx -q -t && systemctl reload nginx; fi\n'

const statusScript = readFileSync(new URL('status.sh', import.meta.url), 'utf8')
