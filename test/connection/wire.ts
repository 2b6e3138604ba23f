import { connect, createServer, type Server, type Socket } from 'node:net'

/** A TCP wire between a connection and its host that a test can cut, freeze, and count the waits on. */
export interface Wire {
  readonly port: number
  /** How often the client sent after it had heard from the host: the waits so far, the TCP connection included. */
  waits(): number
  /** Resets both ends, as a host that lost its state does. */
  reset(): void
  /** Resets the client's ends alone: the host is not told, and its sessions live on. */
  cut(): void
  /** Lets nothing through any more and closes nothing, as a pulled cable does. */
  freeze(): void
  /** Connections accepted so far. */
  accepted(): number
  close(): void
}

export interface WireOptions {
  /** Closes that many connections at once, as an sshd at its MaxStartups does. */
  readonly drop?: number
  /** Milliseconds that bytes travel, each way. */
  readonly delay?: number
  /** Bytes a second from the client to the host. */
  readonly rate?: number
}

export async function openWire(to: number, { drop = 0, delay = 0, rate }: WireOptions = {}): Promise<Wire> {
  const sockets = new Set<Socket>()
  const clients = new Set<Socket>()
  const left = new Set<Socket>()
  let waits = 0
  let accepted = 0
  let frozen = false
  const server: Server = createServer(client => {
    accepted += 1
    if (accepted <= drop) return client.destroy()
    waits += 1
    // The client's greeting follows the TCP handshake at once: that wait is counted above.
    let heard = false
    const host = connect({ port: to, host: '127.0.0.1', noDelay: true })
    clients.add(client)
    client.setNoDelay(true)
    client.on('data', chunk => {
      if (frozen) return
      if (heard) waits += 1
      heard = false
      setTimeout(() => host.write(chunk), delay)
      if (rate === undefined) return
      client.pause()
      setTimeout(() => client.resume(), (chunk.length / rate) * 1000)
    })
    host.on('data', chunk => {
      if (frozen) return
      setTimeout(() => {
        heard = true
        client.write(chunk)
      }, delay)
    })
    for (const [socket, other] of [
      [client, host],
      [host, client],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        if (!frozen && !left.has(socket)) other.destroy()
      })
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    waits: () => waits,
    accepted: () => accepted,
    reset: () => sockets.forEach(socket => void socket.resetAndDestroy()),
    cut: () => {
      for (const client of clients) {
        left.add(client)
        client.resetAndDestroy()
      }
      clients.clear()
    },
    freeze: () => {
      frozen = true
    },
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
