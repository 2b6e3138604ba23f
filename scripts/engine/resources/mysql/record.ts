/**
 * The file on a host that lists its declared accounts, for status.mjs: one per line, user and host in hex with a space between, in
 * capitals as HEX() of SQL prints them.
 */
export const recordFile = '/var/lib/capstan/mysql-accounts'
