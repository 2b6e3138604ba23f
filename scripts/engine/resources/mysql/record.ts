/**
 * Where a host has its declared accounts, for status.mjs: a line each, user and host in hex with a space between, in capitals as
 * HEX() of SQL has them.
 */
export const recordFile = '/var/lib/capstan/mysql-accounts'
