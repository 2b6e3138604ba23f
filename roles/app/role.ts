import { dirname } from 'node:path'
import { role } from '#engine/converge/role.ts'
import { quotedForFile } from '#engine/resources/release/environment-file.ts'
import { environment } from './environment.ts'
import { kinds } from './kinds.ts'
import { limitLines } from './limits.ts'
import { refuseTaken } from './names.ts'
import { isLeft, purge } from './purge.ts'
import { appSettings } from './release.ts'
import { runtimeOf } from './runtimes.ts'
import vars from './vars.ts'
import { startedUnits, workerUnits } from './workers.ts'

export default role(import.meta, {
  vars,
  tasks({ sites, removed, facts, handler, workers, ...declared }) {
    const {
      apt,
      archive,
      command,
      configSet,
      directory,
      file,
      link,
      release,
      service,
      template,
      unit,
      user,
    } = declared
    const apps = sites.map(each => ({ ...each, runtime: runtimeOf({ ...each, facts }) }))
    const masked = new Set(apps.flatMap(({ runtime }) => runtime.masked))
    const [first, ...others] = new Set(
      apps.flatMap(({ runtime, vars: { release } }) => [...runtime.packages, ...release.install.packages]),
    )

    // Masked before the package comes, so that its own server never starts.
    for (const each of masked) link(`/etc/systemd/system/${each}`, '/dev/null')
    if (first !== undefined) apt(first, ...others)
    for (const each of masked) service(each, { running: false })
    const archives = apps.flatMap(({ runtime }) => runtime.archives ?? [])
    for (const [path, one] of new Map(archives.map(each => [each.path, each])))
      archive(path, { url: one.url, sha256: one.sha256, strip: 1 })
    const links = new Map(apps.flatMap(({ runtime }) => Object.entries(runtime.links ?? {})))
    for (const [path, target] of links) {
      for (const each of [dirname(dirname(path)), dirname(path)]) directory(each)
      link(path, target)
    }
    directory('/srv/www')
    directory('/etc/capstan')

    for (const { site, vars, runtime } of apps) {
      const { app } = site
      refuseTaken(app)
      const home = `/srv/www/${app}`
      const config = `/etc/capstan/${app}`
      const redefine = handler(`restart the workers of ${app}`, workers.restart(app, { jobs: true }))

      user(app, { system: true, home, shell: '/usr/sbin/nologin' })
      for (const each of [home, `${home}/releases`, `${home}/shared`]) directory(each)
      // What an upload puts there, nginx may read: it is of the directory's group.
      for (const each of vars.shared)
        directory(`${home}/shared/${each}`, { mode: '2750', owner: app, group: 'www-data' })
      for (const each of runtime.folders) directory(`${home}/shared/${each}`, { mode: '0700', owner: app })

      // A release starts with a copy of all this, and keeps that as long as it is live.
      directory(config)
      const { files = {}, test = 'true' } = runtime.config ?? {}
      configSet(`${app}’s configuration`, { root: config, test }, () => {
        template(`${config}/app.env`, {
          from: '/etc/capstan/app/app.env',
          mode: '0640',
          group: app,
          vars: {
            variables: Object.entries({ ...environment(vars), ...runtime.environment }).map(
              ([name, value]) => [name, quotedForFile(value)],
            ),
          },
        })
        file(`${config}/runtime`, { content: `${site.runtime}\n` })
        file(`${config}/packages`, { content: runtime.packages.map(name => `${name}\n`).join('') })
        file(`${config}/upstream`, { content: `${runtime.upstream}\n` })
        for (const [name, values] of Object.entries(files)) {
          const folder = name.split('/').slice(0, -1).join('/')
          if (folder !== '') directory(`${config}/${folder}`)
          template(`${config}/${name}`, { from: `/etc/capstan/app/${name}`, vars: values })
        }
        // Of another runtime, before.
        for (const name of configFiles)
          if (!Object.keys(files).includes(name)) file.absent(`${config}/${name}`)
      })
      const { allowed, common, port = false } = runtime
      const limits = limitLines(vars, facts)
      unit(`${app}@.service`, {
        from: '/etc/systemd/system/app@.service',
        vars: { app, what: 'release', server: true, port, common, limits, service: runtime.service, allowed },
      })
      for (const kind of port ? ['socket', 'service'] : [])
        unit(`capstan-port-${app}@.${kind}`, {
          from: `/etc/systemd/system/capstan-port-app@.${kind}`,
          vars: { app },
        })
      workerUnits(app, vars.workers, { unit, notify: redefine, runtime, limits })
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
      release(app, { ...appSettings(vars, site), runtime: site.runtime, entry: runtime.entry })
    }
    // Stopping this stops all that runs of it. Its data is kept.
    for (const { app, isPurged } of removed) {
      service(app, { enabled: false, running: false })
      if (!isPurged) continue
      command(purge(app), { name: `delete the files of ${app}`, onlyIf: isLeft(app) })
      user.absent(app)
    }
  },
})

const configFiles = [...new Set<string>(Object.values(kinds).flatMap(({ files }) => files))]
