import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectSsh } from '#engine/connection/ssh.ts'
import { HostConnection } from '#engine/host/host-connection.ts'
import { readHostFile, writeHostFile } from '#engine/script/files.ts'
import { download, upload } from '#engine/script/transfer.ts'
import { Secret } from '#engine/secret.ts'
import { type WireHost, wireHost } from './connection-host.ts'

let on: WireHost
let host: HostConnection
const here = mkdtempSync(join(tmpdir(), 'capstan-files-'))
const there = "/srv/it's files"
const noProgress = { progress: () => {} }

beforeAll(async () => {
  on = await wireHost()
  const run = { runId: `files-${Date.now()}`, who: 'test@test', url: undefined }
  const options = { run, emit: () => {}, stop: new AbortController().signal, wait: 0 }
  host = new HostConnection('wire12', () => connectSsh(on.target('root')), options)
  await host.run(`rm -rf "${there}"; mkdir "${there}"`)
})
afterAll(async () => {
  await host.run(`rm -rf "${there}"`)
  await host.close()
  rmSync(here, { recursive: true })
  on.remove()
})

async function say(script: string): Promise<string> {
  const { exitCode, stdout, stderr } = await host.run(`cd "${there}" && ${script}`)
  if (exitCode !== 0) throw new Error(stderr.toString())
  return stdout.toString()
}

describe('a file of a host', () => {
  const path = `${there}/-odd 'name"`

  it('is written with mode and owner, and not again where it is so', async () => {
    const content = `it's $(id) \`x\` "y"\n é\0 no newline`
    expect(await writeHostFile(host, path, content, { mode: 0o640, group: 'www-data' })).toBe(true)
    expect(await say(`stat -c '%a %U %G' -- "./-odd 'name\\""`)).toBe('640 root www-data\n')
    expect((await readHostFile(host, path)).toString()).toBe(content)
    expect(await writeHostFile(host, path, content, { mode: 0o640, group: 'www-data' })).toBe(false)
    expect(await writeHostFile(host, path, content, { mode: 0o600 })).toBe(true)
  })

  it('keeps mode and owner that nobody asks to change', async () => {
    expect(await writeHostFile(host, path, new Secret('hunter22'))).toBe(true)
    expect(await say(`stat -c '%a %G' -- "./-odd 'name\\""; ls -A | wc -l`)).toBe('600 www-data\n1\n')
  })

  it('is left as it is where the folder does not exist or the disk is full', async () => {
    await expect(writeHostFile(host, `${there}/none/file`, 'x')).rejects.toMatchObject({ code: 'transfer' })
    await say('mkdir full && mount -t tmpfs -o size=64k tmpfs full')
    await writeHostFile(host, `${there}/full/file`, 'before')
    const tooLong = writeHostFile(host, `${there}/full/file`, Buffer.alloc(1_000_000))
    await expect(tooLong).rejects.toMatchObject({
      code: 'transfer',
      lines: [expect.stringContaining('No space left')],
    })
    expect(await say('cat full/file; ls -A full')).toBe('beforefile\n')
    await say('umount full && rmdir full')
  })

  it('is read as it is, and reported where it is not there', async () => {
    await expect(readHostFile(host, `${there}/none`)).rejects.toMatchObject({ code: 'no-file' })
  })

  it('goes up and comes down byte for byte', async () => {
    const bytes = Buffer.from(Array.from({ length: 3_000_000 }, (_, n) => (n * 7) % 256))
    writeFileSync(join(here, 'up'), bytes)
    expect(await upload(host, join(here, 'up'), `${there}/up`, noProgress)).toBe(true)
    expect(await upload(host, join(here, 'up'), `${there}/up`, noProgress)).toBe(false)
    await download(host, `${there}/up`, join(here, 'down'), () => {})
    expect(readFileSync(join(here, 'down')).equals(bytes)).toBe(true)
    await expect(upload(host, join(here, 'none'), `${there}/x`, noProgress)).rejects.toMatchObject({
      exitCode: 2,
    })
    await expect(download(host, `${there}/none`, join(here, 'x'), () => {})).rejects.toMatchObject({
      code: 'no-file',
    })
    expect(existsSync(join(here, 'x.partial'))).toBe(false)
  })
})

describe('a folder', () => {
  it('goes up whole to a host that takes its time', async () => {
    const folder = join(here, 'small')
    mkdirSync(folder)
    writeFileSync(join(folder, 'file'), 'small')
    const openStream = async (script: string) => {
      await new Promise(resume => setTimeout(resume, 500))
      return host.openStream(script)
    }
    const slow = { host: host.host, openStream } as HostConnection
    expect(await upload(slow, folder, `${there}/small`, { ...noProgress })).toBe(true)
    expect(await say('cat small/file')).toBe('small')
  })

  const folder = join(here, 'folder')

  it('goes up with what is in it, beside what is there, and changes nothing the second time', async () => {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(join(folder, 'sub dir'), { recursive: true })
    writeFileSync(join(folder, "it's"), 'one')
    writeFileSync(join(folder, 'sub dir', 'run'), 'two')
    chmodSync(join(folder, 'sub dir', 'run'), 0o755)
    symlinkSync('run', join(folder, 'sub dir', 'link'))
    await say('mkdir -p tree && echo own >tree/own')
    expect(await upload(host, folder, `${there}/tree`, { ...noProgress, owner: 'www-data' })).toBe(true)
    expect(await upload(host, folder, `${there}/tree`, { ...noProgress, owner: 'www-data' })).toBe(false)
    expect(await say(`cd tree && find . ! -type d -printf '%p %U %l\\n' | sort`)).toBe(
      ["./it's 33 ", './own 0 ', './sub dir/link 33 run', './sub dir/run 33 ', ''].join('\n'),
    )
    expect(await say('ls -Ad tree*; stat -c %a "tree/sub dir/run"')).toBe('tree\n755\n')
    writeFileSync(join(folder, "it's"), 'more')
    expect(await upload(host, folder, `${there}/tree`, { ...noProgress, owner: 'www-data' })).toBe(true)
    expect(await say(`cat "tree/it's" tree/own`)).toBe('moreown\n')
  })

  it('is not copied where it could not be read whole here', async () => {
    const gone = join(here, 'not a folder any more')
    mkdirSync(gone)
    writeFileSync(join(gone, 'a'), 'a')
    const stub = join(here, 'bin')
    mkdirSync(stub)
    // A tar that ends with 2, as where a file can't be read.
    writeFileSync(join(stub, 'tar'), '#!/bin/sh\n/usr/bin/tar "$@"; echo "tar: a: Cannot open" >&2; exit 2\n')
    chmodSync(join(stub, 'tar'), 0o755)
    const path = process.env['PATH']
    process.env['PATH'] = `${stub}:${path}`
    try {
      const failed = upload(host, gone, `${there}/tree`, noProgress)
      await expect(failed).rejects.toMatchObject({ code: 'archive', lines: ['tar: a: Cannot open'] })
    } finally {
      process.env['PATH'] = path
    }
    expect(await say('ls -A tree; ls -Ad tree*')).not.toMatch(/^a$|capstan/m)
  })

  it('comes down to a new place alone', async () => {
    await download(host, `${there}/tree`, join(here, 'copy'), () => {})
    expect(readFileSync(join(here, 'copy', 'sub dir', 'link'), 'utf8')).toBe('two')
    writeFileSync(join(here, 'copy', 'mine'), 'mine')
    const again = download(host, `${there}/tree`, join(here, 'copy'), () => {})
    await expect(again).rejects.toMatchObject({ code: 'exists', exitCode: 2 })
    expect(readFileSync(join(here, 'copy', 'mine'), 'utf8')).toBe('mine')
  })
})

describe('a host whose lock was freed', () => {
  it('keeps its session, and nothing watches for heartbeats any more', async () => {
    await host.lock('host', 'true')
    const [pid = ''] = (await host.run('echo $PPID; ls /run/capstan/lease.*')).stdout.toString().split('\n')
    expect(pid).toMatch(/^\d+$/)
    await host.unlock()
    const other = new HostConnection('wire12', () => connectSsh(on.target('root')), {
      ...{ run: { runId: 'other', who: 'test@test', url: undefined }, emit: () => {}, wait: 0 },
      stop: new AbortController().signal,
    })
    await other.lock('host', 'true')
    await other.close()
    // It looks every two seconds, and would kill the session after sixteen without a heartbeat.
    const watcher =
      'i=0; while ls /run/capstan/lease.* >/dev/null 2>&1; do i=$((i + 1)); [ $i -lt 100 ] || exit 1; sleep 0.1; done'
    const ended = new HostConnection('wire12', () => connectSsh(on.target('root')), {
      ...{ run: { runId: 'third', who: 'test@test', url: undefined }, emit: () => {}, wait: 0 },
      stop: new AbortController().signal,
    })
    expect((await ended.run(watcher)).exitCode).toBe(0)
    await ended.close()
    expect((await host.run('echo $PPID')).stdout.toString()).toBe(`${pid}\n`)
  })
})
