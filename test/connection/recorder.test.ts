import { text } from 'node:stream/consumers'
import { expect, it } from 'vitest'
import { Recorder } from '#engine/connection/recorder.ts'
import { ConnectionLost } from '#engine/errors.ts'

it('answers in order and keeps what it was asked', async () => {
  const machine = new Recorder([{ stdout: 'one' }, { exitCode: 3, stderr: 'no' }])
  expect((await machine.run('first')).stdout.toString()).toBe('one')
  expect(await machine.run('second', { deadline: 5 })).toMatchObject({ exitCode: 3 })
  expect(machine.scripts).toEqual(['first', 'second'])
  expect(machine.transcript[1]).toEqual({ kind: 'run', script: 'second', deadline: 5 })
  expect(machine.trips).toBe(2)
})

it('answers by what a script is', async () => {
  const machine = new Recorder(script => (script.includes('id') ? { stdout: '0' } : {}))
  expect((await machine.run('id -u')).stdout.toString()).toBe('0')
  expect((await machine.run('true')).stdout.toString()).toBe('')
})

it('is a bug’s error for a script that nobody expected', async () => {
  await expect(new Recorder([]).run('rm')).rejects.toThrow('no answer for script 1:\nrm')
})

it('loses the connection when told', async () => {
  const error = new ConnectionLost('connection-lost', 'web1: connection lost')
  await expect(new Recorder([{ error }]).run('true')).rejects.toBe(error)
})

it('keeps the bytes that a stream’s script was sent, and hands stdout on', async () => {
  const machine = new Recorder([{ stdout: 'held' }, { stdout: 'line' }])
  const stream = await machine.openStream('cat')
  stream.stdin.end('bytes')
  expect(await text(stream.stdout)).toBe('held')
  await stream.done
  expect(machine.transcript[0]).toMatchObject({ kind: 'stream', stdin: Buffer.from('bytes') })
  const seen: string[] = []
  await machine.run('tail', { onOutput: chunk => seen.push(chunk.toString()) })
  expect(seen).toEqual(['line'])
})
