/** The privileges that can be had on one database. Source: mariadb.com/kb/en/grant, Database Privileges. */
export const privileges = [
  'SELECT',
  'INSERT',
  'UPDATE',
  'DELETE',
  'CREATE',
  'ALTER',
  'INDEX',
  'DROP',
  'REFERENCES',
  'CREATE VIEW',
  'SHOW VIEW',
  'CREATE TEMPORARY TABLES',
  'LOCK TABLES',
  'TRIGGER',
  'CREATE ROUTINE',
  'ALTER ROUTINE',
  'EXECUTE',
  'EVENT',
] as const

/** What an app needs that reads, writes and migrates its own tables: no stored routines, no events. */
export const appPrivileges = privileges.slice(0, privileges.indexOf('CREATE ROUTINE'))
