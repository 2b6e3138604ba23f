const mysql = require('mysql')

/** The database of the app's environment, asked over a few connections that are kept. */
const database = mysql.createPool({
  socketPath: process.env.DB_SOCKET,
  database: process.env.DB_NAME,
  user: process.env.DB_USER,
  password: process.env.DB_PASSWORD,
  charset: 'utf8mb4',
  connectTimeout: 5000,
  dateStrings: true,
})

/** The newest greeting: `{ text, written }`; undefined where there is none. Throws where the database does not answer. */
async function greeting() {
  const [row] = await query('SELECT text, written FROM greetings ORDER BY id DESC LIMIT 1')
  return row
}

function query(sql, values = []) {
  return new Promise((resolve, reject) => {
    database.query(sql, values, (error, rows) => (error ? reject(error) : resolve(rows)))
  })
}

module.exports = { database, greeting, query }
