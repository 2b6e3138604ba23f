// Managed by Capstan: roles/app/templates/etc/capstan/app/websockets.cjs.ejs; changes here are undone by the next run.
// Loaded before the app: keeps in run/websockets.<pid> how many web sockets this process has open. A deploy waits for
// the answers that the old release is at, and not for sockets that stay open for days.
'use strict'
const { writeFileSync } = require('node:fs')
const { Server } = require('node:http')

const file = `${process.cwd()}/run/websockets.${process.pid}`
const { emit } = Server.prototype
let open = 0

function add(change) {
  open += change
  try {
    writeFileSync(file, `${open}\n`)
  } catch {
    // Then a deploy waits for them as for answers.
  }
}

Server.prototype.emit = function (event, ...given) {
  const socket = given[1]
  if (event === 'upgrade') {
    add(1)
    socket.once('close', () => add(-1))
  }
  return emit.call(this, event, ...given)
}
