import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { type AnsibleSetup, ansibleInventory, ansibleSetups } from './ansible.ts'

const folder = mkdtempSync(join(tmpdir(), 'capstan-ansible-'))
afterAll(() => rmSync(folder, { recursive: true }))
const setups = ansibleSetups(folder)

/** What a setup changes of Ansible beside where it finds its configuration and keeps the sockets of its connections. */
function changed({ environment }: AnsibleSetup): readonly string[] {
  const places = ['ANSIBLE_CONFIG', 'ANSIBLE_SSH_CONTROL_PATH_DIR']
  return Object.keys(environment).filter(name => !places.includes(name))
}

describe('the setups of Ansible that a benchmark runs', () => {
  it('are named for what they are', () => {
    expect(setups.map(({ label }) => label)).toEqual([
      'ansible as shipped',
      'ansible tuned',
      'ansible + mitogen',
    ])
  })

  it('change nothing in the one that is labelled as shipped', () => {
    const shipped = setups.filter(({ label }) => /as shipped/.test(label))
    expect(shipped.map(changed)).toEqual([[]])
  })

  it.each(setups)('$label reads no configuration of the machine', ({ environment }) => {
    expect(readFileSync(environment['ANSIBLE_CONFIG'] ?? '', 'utf8')).toBe('')
  })

  // Ansible ships with ControlMaster=auto and ControlPersist=60s; arguments for ssh would take the place of both.
  it.each(setups)('$label keeps Ansible’s own settings for connections', setup => {
    const known = join(folder, 'known_hosts')
    writeFileSync(known, '[127.0.0.1]:1 ssh-ed25519 AAAA')
    const hosts = readFileSync(
      ansibleInventory(folder, { key: 'key', known_hosts: known, port: 2222 }),
      'utf8',
    )
    expect(changed(setup).filter(name => /_SSH_|_TRANSPORT$/.test(name))).toEqual([])
    expect(hosts).not.toMatch(/ControlMaster|ControlPersist|ansible_ssh_args|ansible_connection/)
  })
})
