import { readFileSync } from 'node:fs'
import type { System } from '#engine/systems.ts'

/** What differs between the two servers, in Debian's packages. */
export const servers = {
  mariadb: {
    name: 'MariaDB',
    package: 'mariadb-server',
    unit: 'mariadb',
    directory: '/etc/mysql/mariadb.conf.d',
    file: '90-capstan.cnf',
    test: readFileSync(new URL('mariadb-test.sh', import.meta.url), 'utf8'),
  },
  mysql: {
    name: 'MySQL',
    package: 'mysql-server',
    unit: 'mysql',
    directory: '/etc/mysql/mysql.conf.d',
    // Behind Debian's mysqld.cnf.
    file: 'zz-capstan.cnf',
    test: readFileSync(new URL('mysql-test.sh', import.meta.url), 'utf8'),
  },
} as const

export type ServerName = keyof typeof servers

/** The systems that have no package mysql-server. */
export const withoutMysql: readonly System[] = ['debian 12', 'debian 13']

/** The systems whose server takes one address as bind_address: MariaDB before 10.11, MySQL before 8.0.13. Source: MDEV-6536, WL#11652. */
export const withoutAddressList: Readonly<Record<ServerName, readonly System[]>> = {
  mariadb: ['ubuntu 22.04'],
  mysql: [],
}
