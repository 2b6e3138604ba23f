import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'

/** An answer's header, and the data of its answer records as hex. */
export interface Answer {
  readonly status: 'NOERROR' | 'NXDOMAIN' | 'REFUSED' | string
  readonly authoritative: boolean
  readonly recursive: boolean
  readonly data: readonly string[]
}

interface Question {
  readonly name: string
  readonly type: keyof typeof types
  /** IN unless told. */
  readonly chaos?: boolean
}

/** Asks the server at 127.0.0.1:`port`, as dig does. Source: RFC 1035, 4. */
export async function ask(port: number, by: 'udp' | 'tcp', question: Question): Promise<Answer> {
  const message = encode(question)
  return decode(await (by === 'udp' ? overUdp(port, message) : overTcp(port, message)), message.length)
}

const types = { A: 1, NS: 2, SOA: 6, TXT: 16, DNSKEY: 48, AXFR: 252 } as const
const statuses = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED', '6', '7', '8', 'NOTAUTH']

function encode({ name, type, chaos }: Question): Buffer {
  const labels = name.split('.').flatMap(label => [Buffer.from([label.length]), Buffer.from(label)])
  const header = Buffer.from([0x12, 0x34, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0])
  return Buffer.concat([header, ...labels, Buffer.from([0, 0, types[type], 0, chaos === true ? 3 : 1])])
}

function decode(message: Buffer, questionEnd: number): Answer {
  const flags = message.readUInt16BE(2)
  const data = []
  for (let at = questionEnd, left = message.readUInt16BE(6); left > 0; left--) {
    while ((message[at] ?? 0) > 0 && (message[at] ?? 0) < 64) at += (message[at] ?? 0) + 1
    at += message[at] === 0 ? 1 : 2
    const size = message.readUInt16BE(at + 8)
    data.push(message.toString('hex', at + 10, at + 10 + size))
    at += 10 + size
  }
  return {
    status: statuses[flags & 15] ?? String(flags & 15),
    authoritative: (flags & 0x400) !== 0,
    recursive: (flags & 0x80) !== 0,
    data,
  }
}

async function overUdp(port: number, message: Buffer): Promise<Buffer> {
  const socket = createSocket('udp4')
  try {
    socket.send(message, port, '127.0.0.1')
    const [answer] = await once(socket, 'message', { signal: AbortSignal.timeout(5000) })
    return answer as Buffer
  } finally {
    socket.close()
  }
}

async function overTcp(port: number, message: Buffer): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1')
  const length = Buffer.alloc(2)
  length.writeUInt16BE(message.length)
  socket.write(Buffer.concat([length, message]))
  socket.setTimeout(5000, () => socket.destroy(new Error('no answer over TCP in 5 s')))
  let all = Buffer.alloc(0)
  for await (const chunk of socket) {
    all = Buffer.concat([all, chunk as Buffer])
    if (all.length > 2 && all.length >= 2 + all.readUInt16BE(0)) break
  }
  return all.subarray(2)
}
