// Every request that is no file of public/ comes here.

const http = require('node:http')
const { database, greeting } = require('./src/database.js')
const { health, notFound, page, unavailable } = require('./src/page.js')

const release = process.env.RELEASE ?? 'unknown'

const server = http.createServer(async (request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost')
  const { status, headers, body } = await answer(pathname)
  response.writeHead(status, headers).end(body)
})

async function answer(path) {
  try {
    if (path === '/') return page(await greeting(), release)
    if (path === '/health') return health(await greeting(), release)
    return notFound()
  } catch (error) {
    console.error(`database: ${error.message}`)
    return path === '/health' ? health(undefined, release) : unavailable()
  }
}

// PORT is the path of a socket that nginx reads from.
server.listen(process.env.PORT)

// It takes no more requests, ends those it has and leaves.
process.once('SIGTERM', () => {
  server.close(() => database.end())
  server.closeIdleConnections()
})
