import { HostError } from '#engine/errors.ts'
import { type Declare, type Kind, known } from '#engine/resources/resource.ts'
import type { System } from '#engine/systems.ts'
import { type ServerName, servers, withoutMysql } from './servers.ts'

interface WantedServer {
  readonly server: ServerName
  readonly host: string
  readonly system: System
}

/** `server(vars.server, host.name, facts.system)`: refuses a host that has the other server or its data, or whose system has no package of this one. */
export function server(declare: Declare) {
  return (server: ServerName, host: string, system: System): void =>
    declare(choices, { name: server, wanted: { server, host, system } })
}

/** Its probe throws before a change of the host: neither server can read the data of the other. */
const choices: Kind<WantedServer, undefined> = {
  noun: 'mysql server',

  // MariaDB installs a link named mysqld.
  probe: () => `
[ ! -e /usr/sbin/mariadbd ] || printf 'mariadb package\\n'
[ ! -e /usr/sbin/mysqld ] || [ -L /usr/sbin/mysqld ] || printf 'mysql package\\n'
[ ! -e /var/lib/mysql/aria_log_control ] || printf 'mariadb data\\n'
[ ! -e /var/lib/mysql/mysql.ibd ] || printf 'mysql data\\n'
`,

  parse(output, items) {
    const found = output.toString().split('\n')
    return items.map(wanted => {
      refuse(wanted, found)
      return known(undefined)
    })
  },

  diff: () => [],
  apply: () => '',
}

function refuse({ server, host, system }: WantedServer, found: readonly string[]): void {
  const other = server === 'mysql' ? 'mariadb' : 'mysql'
  const [own, others] = [servers[server].name, servers[other].name]
  if (server === 'mysql' && withoutMysql.includes(system))
    throw new HostError('mysql-server', `${host}: mysql.server is mysql, and ${system} has no MySQL`, {
      where: 'roles/mysql/role.ts',
      hint: 'Nothing was changed. Set mysql.server to mariadb for this host, or use Debian sid or Ubuntu.',
    })
  const has = [
    ...(found.includes(`${other} package`) ? [`${servers[other].package} is installed`] : []),
    ...(found.includes(`${other} data`) ? [`/var/lib/mysql has the data of ${others}`] : []),
  ]
  if (has.length === 0) return
  throw new HostError('mysql-server', `${host}: mysql.server is ${server}, and ${has.join(' and ')}`, {
    where: 'roles/mysql/role.ts',
    hint:
      `Nothing was changed. ${own} cannot read the data of ${others}. To keep ${others}, set mysql.server to ${other}. To change, ` +
      `dump the databases (app.mjs db dump), then on the host: \`apt-get remove '${other}-server*'\`, ` +
      `\`mv /var/lib/mysql /var/lib/mysql.${other}\`, run again, and load the dumps (app.mjs db load).`,
  })
}
