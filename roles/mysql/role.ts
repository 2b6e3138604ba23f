import { readFileSync } from 'node:fs'
import { role } from '#engine/converge/role.ts'
import { isLocal } from './addresses.ts'
import { server } from './choice.ts'
import { clientsOf, refuseClients } from './clients.ts'
import { servers } from './servers.ts'
import {
  bufferPool,
  hasStatistics,
  maxConnections,
  redoLog,
  temporaryTable,
  temporaryTables,
} from './sizes.ts'
import { serverTls } from './tls.ts'
import vars from './vars.ts'

export default role(import.meta, {
  vars,
  kinds: { server, serverTls },
  tasks({
    vars,
    sites,
    removed,
    facts,
    host,
    server,
    serverTls,
    apt,
    configSet,
    directory,
    handler,
    listens,
    mysql,
    service,
    template,
    unit,
  }) {
    const { name, unit: unitName, ...its } = servers[vars.server]
    const { memory } = facts
    const clients = clientsOf(sites)
    refuseClients(host.name, { ...vars, clients, system: facts.system })
    const listen = [...new Set(['127.0.0.1', ...vars.listen])]
    const isRemote = vars.listen.length > 0
    const settings = {
      collation: vars.collation,
      bufferPool: vars.bufferPool ?? bufferPool(memory),
      maxConnections: vars.maxConnections ?? maxConnections(memory),
      binaryLogs: vars.binaryLogs,
      slowQuery: vars.slowQuery,
      redoLog: redoLog(memory),
      temporaryTable: temporaryTable(memory),
      temporaryTables: temporaryTables(memory),
      statistics: hasStatistics(memory),
      listen,
      isRemote,
    }
    const restart = handler(
      `restart ${unitName}`,
      mysql.restart(
        { address: listen, port: 3306 },
        {
          local_infile: 'OFF',
          secure_file_priv: '/var/lib/mysql-files/',
          skip_name_resolve: 'ON',
          max_connections: settings.maxConnections,
          ...(isRemote && { require_secure_transport: 'ON' }),
        },
      ),
    )

    server(vars.server, host.name, facts.system)
    // Before the package: its socket unit opens port 3306 on all addresses, regardless of bind_address.
    if (vars.server === 'mariadb') service('mariadb.socket', { masked: true })
    directory(`/etc/systemd/system/${unitName}.service.d`)
    unit(`${unitName}.service.d/capstan.conf`, { vars: { isRemote }, notify: restart })
    apt(its.package, 'logrotate')
    directory('/var/lib/mysql-files', { owner: 'mysql', mode: '0700' })
    directory('/var/log/mysql', { owner: 'mysql', group: 'adm', mode: '2750' })
    if (isRemote) {
      apt('openssl')
      serverTls([host.name, facts.hostname, ...vars.listen], { notify: restart })
    }
    configSet(`${name} configuration`, { root: its.directory, test: its.test, notify: restart }, () =>
      template(`${its.directory}/${its.file}`, { vars: settings }),
    )
    service(unitName, { enabled: true, running: true })
    listens(unitName, { tcp: 3306, at: listen, from: clients, restart: true })

    mysql.root()
    mysql.absentUser('')
    const databases = sites.flatMap(({ vars: { password, ...own } }) =>
      password ? [{ ...own, password }] : [],
    )
    if (!databases.some(each => each.database === 'test')) mysql.absentDatabase('test')

    for (const { database, user, password, from, ...own } of databases) {
      mysql.database(database, { collation: own.collation })
      const grants = { [database]: own.privileges }
      for (const host of new Set(from)) mysql.user(user, { host, password, grants, tls: !isLocal(host) })
      mysql.absentUser(user, { except: from })
    }
    // By the default names of a site; a name that another site uses stays.
    for (const { app } of removed.filter(one => one.isPurged)) {
      if (!databases.some(({ database }) => database === app)) mysql.absentDatabase(app)
      if (!databases.some(({ user }) => user === app)) mysql.absentUser(app)
    }
    mysql.otherAccounts({
      ...{ remove: vars.removeUndeclared, keep: vars.keepAccounts },
      advice: 'Set mysql.removeUndeclared to drop them, or name those that you use in mysql.keepAccounts.',
    })
  },
  status: () => [{ name: 'database', script: statusScript }],
})

const statusScript = readFileSync(new URL('status.sh', import.meta.url), 'utf8')
