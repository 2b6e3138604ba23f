import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sandboxDown, sandboxUp } from '#engine/sandbox/sandbox.ts'
import { sshArguments } from '#engine/sandbox/ssh-arguments.ts'

const say = () => {}

const wanted = `755 root root /etc
644 root root /etc/hosts
444 root root /etc/machine-id
755 root root /etc/ssh
600 root root /etc/ssh/ssh_host_ed25519_key
644 root root /etc/ssh/ssh_host_ed25519_key.pub
700 root root /root
700 root root /root/.ssh
600 root root /root/.ssh/authorized_keys
755 root root /var/cache/apt/archives
`

// The user who runs the tests is another than root on GitHub's runner, and in test/long.
test.each([
  ['077', 12],
  ['002', 13],
] as const)('what enters a host is root’s and has its own mode under umask %s', async (mask, debian) => {
  const clone = mkdtempSync(join(tmpdir(), 'capstan-umask-'))
  const before = process.umask(Number.parseInt(mask, 8))
  try {
    const [host] = await sandboxUp([{ name: 'masked', debian }], { root: clone, say })
    if (host === undefined) throw new Error('no host')
    const on = (script: string) => execFileSync('ssh', [...sshArguments(host), script], { encoding: 'utf8' })
    const paths = wanted.match(/\/.*$/gm)?.join(' ')
    expect(on(`stat -c '%a %U %G %n' ${paths}`)).toBe(wanted)
    expect(on('find / -xdev \\( -nouser -o -nogroup -o -uid +999 -o -gid +999 \\)')).toBe('')
    expect(on('cat /etc/hosts')).toContain(`${host.ip}\tmasked`)
  } finally {
    process.umask(before)
    await sandboxDown({ root: clone, say })
    rmSync(clone, { recursive: true, force: true })
  }
})
