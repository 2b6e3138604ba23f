import { role } from '#engine/converge/role.ts'
import { quote } from '#engine/quote.ts'
import { environment, quotedForFile } from './environment.ts'
import { refuseTaken } from './names.ts'
import { runtimes } from './runtimes.ts'
import vars from './vars.ts'
import { startedUnits, workerUnits } from './workers.ts'

export default role(import.meta, {
  vars,
  tasks({ vars, site, facts, handler, workers, ...declared }) {
    const { apt, configSet, directory, link, service, template, unit, user } = declared
    const { app } = site
    refuseTaken(app)
    const home = `/srv/www/${app}`
    const config = `/etc/capstan/${app}`
    const runtime = runtimes[site.runtime]({ vars, site, facts })
    const restart = handler('restart the live release', restartLive(app) + workers.restart(app))
    const redefine = handler('restart its workers', workers.restart(app, { jobs: true }))

    // Masked before the package comes, so that its own server never starts.
    for (const each of runtime.masked) link(`/etc/systemd/system/${each}`, '/dev/null')
    const [first, ...others] = runtime.packages
    if (first !== undefined) apt(first, ...others)
    for (const each of runtime.masked) service(each, { running: false })
    user(app, { system: true, home, shell: '/usr/sbin/nologin' })

    directory('/srv/www')
    for (const each of [home, `${home}/releases`, `${home}/shared`]) directory(each)
    // What an upload puts there, nginx may read: it is of the directory's group.
    for (const each of vars.shared)
      directory(`${home}/shared/${each}`, { mode: '2750', owner: app, group: 'www-data' })
    for (const each of runtime.folders) directory(`${home}/shared/${each}`, { mode: '0700', owner: app })
    template(`${home}/shared/app.env`, {
      from: '/srv/www/app/shared/app.env',
      mode: '0640',
      group: app,
      vars: {
        variables: Object.entries(environment(vars)).map(([name, value]) => [name, quotedForFile(value)]),
      },
      notify: restart,
    })

    if (runtime.config) {
      const { files, test } = runtime.config
      directory('/etc/capstan')
      directory(config)
      configSet(`${app}’s runtime`, { root: config, test, notify: restart }, () => {
        for (const [name, values] of Object.entries(files)) {
          const folder = name.split('/').slice(0, -1).join('/')
          if (folder !== '') directory(`${config}/${folder}`)
          template(`${config}/${name}`, { from: `/etc/capstan/app/${name}`, vars: values })
        }
      })
    }
    const { allowed, common } = runtime
    unit(`${app}@.service`, {
      from: '/etc/systemd/system/app@.service',
      vars: { app, what: 'release', server: true, common, service: runtime.service, allowed },
      notify: restart,
    })
    workerUnits(app, vars.workers, { unit, notify: redefine, runtime })
    unit(`${app}.service`, {
      from: '/etc/systemd/system/app.service',
      vars: { app, workers: startedUnits(app, vars.workers) },
    })
    service(app, { enabled: true, running: true })
    workers(
      app,
      Object.entries(vars.workers).map(([name, { schedule }]) => ({
        name,
        scheduled: schedule !== undefined,
      })),
    )
  },
})

/** Shell that restarts the release that is live; where none is, nothing. */
function restartLive(app: string): string {
  return [
    `live=$(readlink ${quote(`/srv/www/${app}/current`)}) || exit 0\n`,
    `unit_restart ${quote(`${app}@`)}"\${live##*/}.service"\n`,
  ].join('')
}
