import { role } from '#engine/converge/role.ts'
import { reloadOptions } from './reload.ts'
import { furtherSockets, headerSettings, serverSettings, siteSettings } from './settings.ts'
import vars from './vars.ts'

export default role(import.meta, {
  vars,
  tasks({
    vars,
    site,
    facts,
    apt,
    certificate,
    configSet,
    directory,
    file,
    handler,
    link,
    listens,
    service,
    template,
    unit,
  }) {
    const reload = handler('reload nginx', service.reload('nginx', reloadOptions))

    // Before the package, so that its first start makes the directory of the gate's socket.
    directory('/etc/systemd/system/nginx.service.d')
    unit('nginx.service.d/capstan.conf')
    directory('/run/nginx-gate', { mode: '0700' })
    // Debian's nginx has rules for logrotate, and does not depend on it.
    apt('nginx', 'openssl', 'logrotate')
    certificate.placeholder(site.domain, [site.domain, ...site.www])

    configSet('nginx configuration', { root: '/etc/nginx', test: 'nginx -t', notify: reload }, () => {
      template('/etc/nginx/nginx.conf', { vars: serverSettings(vars, facts) })
      template('/etc/nginx/conf.d/capstan-headers.conf', { vars: headerSettings(vars) })
      template('/etc/nginx/snippets/capstan-headers.conf')
      for (const upstream of ['fastcgi', 'http'])
        template(`/etc/nginx/snippets/capstan-${upstream}.conf`, { vars: { timeout: vars.timeouts.app } })
      directory('/etc/nginx/pages')
      for (const page of ['unavailable', 'empty', 'maintenance'])
        template(`/etc/nginx/pages/${page}.html`, { vars: { domain: site.domain } })
      template('/etc/nginx/sites-available/site.conf', { vars: siteSettings(vars, site, facts) })
      link('/etc/nginx/sites-enabled/site.conf', '../sites-available/site.conf')
      // Debian's welcome page. It is never served: nginx.conf takes in sites-enabled/*.conf alone.
      file.absent('/etc/nginx/sites-enabled/default')
    })
    service('nginx', { enabled: true, running: true })
    listens('nginx', { tcp: [80, 443], at: vars.ipv6 ? ['0.0.0.0', '::'] : ['0.0.0.0'] })
    for (const sockets of furtherSockets(vars)) listens('nginx', sockets)
  },
})
