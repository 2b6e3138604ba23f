import { readFileSync } from 'node:fs'
import { role } from '#engine/converge/role.ts'
import { passwordLines, protectedPaths } from './passwords.ts'
import { reloadOptions } from './reload.ts'
import { commonSettings, furtherSockets, headerSettings, serverSettings, siteSettings } from './settings.ts'
import vars from './vars.ts'

export default role(import.meta, {
  vars,
  tasks({
    vars,
    sites,
    removed,
    facts,
    apt,
    certificate,
    command,
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
    if (vars.brotli) apt('libnginx-mod-http-brotli-filter', 'libnginx-mod-http-brotli-static')
    if (sites.some(each => each.vars.cache.pages)) directory('/var/cache/nginx')
    for (const { site } of sites) certificate.placeholder(site.domain, [site.domain, ...site.www])

    configSet('nginx configuration', { root: '/etc/nginx', test: 'nginx -t', notify: reload }, () => {
      template('/etc/nginx/nginx.conf', { vars: serverSettings(vars, facts) })
      template('/etc/nginx/conf.d/capstan-headers.conf', { vars: headerSettings(sites) })
      template('/etc/nginx/conf.d/capstan-sites.conf', { vars: commonSettings(sites, facts) })
      template('/etc/nginx/snippets/capstan-headers.conf')
      for (const upstream of ['fastcgi', 'http', 'proxy'])
        template(`/etc/nginx/snippets/capstan-${upstream}.conf`, { vars: { timeout: vars.timeouts.app } })
      directory('/etc/nginx/pages')
      for (const page of ['unavailable', 'empty', 'maintenance']) template(`/etc/nginx/pages/${page}.html`)
      const protects = sites.flatMap(each => protectedPaths(each.site, each.vars))
      if (protects.length > 0) directory('/etc/nginx/passwords', { mode: '0750', group: 'www-data' })
      for (const one of protects)
        file(one.file, { content: passwordLines(one), mode: '0640', group: 'www-data' })
      for (const each of sites) {
        const { app } = each.site
        template(`/etc/nginx/sites-available/${app}.conf`, {
          from: 'etc/nginx/sites-available/site.conf',
          vars: siteSettings(each, facts),
        })
        link(`/etc/nginx/sites-enabled/${app}.conf`, `../sites-available/${app}.conf`)
      }
      // `site`: the name that the file of a host's one site had.
      const apps = sites.map(({ site }) => site.app)
      for (const app of ['site', ...removed.map(one => one.app)].filter(name => !apps.includes(name)))
        for (const folder of ['sites-enabled', 'sites-available'])
          file.absent(`/etc/nginx/${folder}/${app}.conf`)
      // Debian's welcome page. It is never served: nginx.conf takes in sites-enabled/*.conf alone.
      file.absent('/etc/nginx/sites-enabled/default')
    })
    for (const { app } of removed.filter(one => one.isPurged)) {
      const left = `/var/cache/nginx/${app}-fastcgi /var/cache/nginx/${app}-proxy /etc/nginx/passwords/${app}-????????`
      const isThere = `for each in ${left}; do [ ! -e "$each" ] || exit 0; done; exit 1`
      command(`rm -rf -- ${left}`, { name: `delete what nginx keeps of ${app}`, onlyIf: isThere })
    }
    service('nginx', { enabled: true, running: true })
    listens('nginx', { tcp: [80, 443], at: vars.ipv6 ? ['0.0.0.0', '::'] : ['0.0.0.0'] })
    const directives = sites.flatMap(each => each.vars.directives)
    for (const sockets of furtherSockets(directives)) listens('nginx', sockets)
  },
  status: () => [{ name: 'nginx', script: statusScript }],
})

const statusScript = readFileSync(new URL('status.sh', import.meta.url), 'utf8')
