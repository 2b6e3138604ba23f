// Applies the .sql files beside it that the database has not had yet, in the order of their names. A file holds one
// statement, so that none fails unseen.
// Run once for each deploy, before the release is live; run again it changes nothing.

const { readdirSync, readFileSync } = require('node:fs')
const { join } = require('node:path')
const { database, query } = require('../src/database.js')

async function migrate() {
  await query(
    'CREATE TABLE IF NOT EXISTS migrations (name VARCHAR(190) PRIMARY KEY, applied TIMESTAMP DEFAULT CURRENT_TIMESTAMP)',
  )
  const [lock] = await query("SELECT GET_LOCK('migrations', 30) AS had")
  if (lock.had !== 1) throw new Error('another migration has been running for 30 s')

  const had = new Set((await query('SELECT name FROM migrations')).map(({ name }) => name))
  const files = readdirSync(__dirname)
    .filter(file => file.endsWith('.sql') && !had.has(file))
    .sort()
  for (const file of files) {
    await query(readFileSync(join(__dirname, file), 'utf8'))
    await query('INSERT INTO migrations (name) VALUES (?)', [file])
    console.log(`applied ${file}`)
  }
  if (files.length === 0) console.log('nothing to migrate')
}

migrate().then(
  () => database.end(),
  error => {
    console.error(error.message)
    process.exit(1)
  },
)
