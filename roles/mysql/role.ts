import { readFileSync } from 'node:fs'
import { role } from '#engine/converge/role.ts'
import { bufferPool, maxConnections } from './sizes.ts'
import vars from './vars.ts'

export default role(import.meta, {
  vars,
  tasks({
    vars,
    sites,
    removed,
    facts,
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
    const settings = {
      collation: vars.collation,
      bufferPool: vars.bufferPool ?? bufferPool(facts.memory),
      maxConnections: vars.maxConnections ?? maxConnections(facts.memory),
      binaryLogs: vars.binaryLogs,
      slowQuery: vars.slowQuery,
    }
    const restart = handler(
      'restart mariadb',
      mysql.restart(
        { address: '127.0.0.1', port: 3306 },
        {
          local_infile: 'OFF',
          secure_file_priv: '/var/lib/mysql-files/',
          skip_name_resolve: 'ON',
          max_connections: settings.maxConnections,
        },
      ),
    )

    // Before the package, which has systemd open port 3306 on all addresses, whatever bind_address says.
    service('mariadb.socket', { masked: true })
    directory('/etc/systemd/system/mariadb.service.d')
    unit('mariadb.service.d/capstan.conf', { notify: restart })
    apt('mariadb-server', 'logrotate')
    directory('/var/lib/mysql-files', { owner: 'mysql', mode: '0700' })
    directory('/var/log/mysql', { owner: 'mysql', group: 'adm', mode: '2750' })
    configSet(
      'MariaDB configuration',
      { root: '/etc/mysql/mariadb.conf.d', test: serverTest, notify: restart },
      () => template('/etc/mysql/mariadb.conf.d/90-capstan.cnf', { vars: settings }),
    )
    service('mariadb', { enabled: true, running: true })
    listens('mariadb', { tcp: 3306, at: ['127.0.0.1'], restart: true })

    mysql.root()
    mysql.absentUser('')
    const databases = sites.flatMap(({ vars: { password, ...own } }) =>
      password ? [{ ...own, password }] : [],
    )
    if (!databases.some(each => each.database === 'test')) mysql.absentDatabase('test')

    for (const { database, user, password, from, ...own } of databases) {
      mysql.database(database, { collation: own.collation })
      const grants = { [database]: own.privileges }
      for (const host of from) mysql.user(user, { host, password, grants })
      mysql.absentUser(user, { except: from })
    }
    // By the names that a site has by default; those of another site are none of its.
    for (const { app } of removed.filter(one => one.isPurged)) {
      if (!databases.some(({ database }) => database === app)) mysql.absentDatabase(app)
      if (!databases.some(({ user }) => user === app)) mysql.absentUser(app)
    }
  },
  status: () => [{ name: 'database', script: statusScript }],
})

const serverTest = readFileSync(new URL('server-test.sh', import.meta.url), 'utf8')

const statusScript = readFileSync(new URL('status.sh', import.meta.url), 'utf8')
