import { role } from '#engine/converge/role.ts'
import vars from './vars.ts'

export default role(import.meta, {
  vars,
  tasks({ site, apt, certificate, handler, service }) {
    const reload = handler(
      'reload nginx',
      `if systemctl is-active -q nginx; then\n${service.reload('nginx', { newWorkers: true })}fi\n`,
    )
    apt('openssl')
    certificate.selfSigned(site.domain, [site.domain, ...site.www], { notify: reload })
  },
})
