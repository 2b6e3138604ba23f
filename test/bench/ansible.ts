import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A way to run Ansible: what sets it apart from the others, and the environment that makes it so. */
export interface AnsibleSetup {
  readonly label: string
  readonly settings: string
  readonly environment: Readonly<Record<string, string>>
}

/**
 * Ansible as it ships (ControlMaster with ControlPersist=60s, no pipelining, facts read each time), as its docs tune it,
 * and with Debian's Mitogen, which takes the place of pipelining. Sources: Ansible's “Strategies for speed” in
 * playbook_strategies, its settings INTERNAL_POLL_INTERVAL to DEFAULT_GATHERING, and Mitogen's installation page.
 */
export function ansibleSetups(folder: string): readonly AnsibleSetup[] {
  const facts = {
    ANSIBLE_GATHERING: 'smart',
    ANSIBLE_CACHE_PLUGIN: 'jsonfile',
    ANSIBLE_CACHE_PLUGIN_CONNECTION: join(folder, 'facts'),
    ANSIBLE_FORKS: '20',
  }
  const strategies = '/usr/lib/python3/dist-packages/ansible_mitogen/plugins/strategy'
  return [
    { label: 'ansible as shipped', settings: 'ControlPersist=60s', environment: {} },
    {
      label: 'ansible tuned',
      settings: 'pipelining, cached facts, forks=20, ControlPersist=60s',
      environment: { ...facts, ANSIBLE_PIPELINING: '1' },
    },
    {
      label: 'ansible + mitogen',
      settings: 'strategy mitogen_linear, cached facts, forks=20',
      environment: { ...facts, ANSIBLE_STRATEGY: 'mitogen_linear', ANSIBLE_STRATEGY_PLUGINS: strategies },
    },
  ].map(setup => ({
    ...setup,
    environment: {
      ...setup.environment,
      ANSIBLE_SSH_CONTROL_PATH_DIR: masters(folder),
      // Not the operator's own.
      ANSIBLE_CONFIG: emptyConfig(folder),
    },
  }))
}

/** Ends the connections that an earlier run left open, so that the next one begins without, as all others do. */
export function endMasters(folder: string): void {
  for (const name of listed(masters(folder)))
    spawnSync('ssh', ['-o', `ControlPath=${join(masters(folder), name)}`, '-O', 'exit', 'x'])
}

/** Writes an inventory of one host that answers on this port of this machine; gives its path. */
export function ansibleInventory(
  folder: string,
  {
    key,
    known_hosts: known,
    port,
  }: { readonly key: string; readonly known_hosts: string; readonly port: number },
): string {
  const file = join(folder, `hosts-${port}`)
  const [, type, blob] = readFileSync(known, 'utf8').split(' ')
  const own = join(folder, `known-${port}`)
  writeFileSync(own, `[127.0.0.1]:${port} ${type} ${blob}`)
  writeFileSync(
    file,
    `bench1 ansible_host=127.0.0.1 ansible_port=${port} ansible_user=root ansible_ssh_private_key_file=${key} ` +
      `ansible_ssh_common_args='-o UserKnownHostsFile=${own}' ansible_python_interpreter=/usr/bin/python3\n`,
  )
  return file
}

function emptyConfig(folder: string): string {
  const file = join(folder, 'ansible.cfg')
  writeFileSync(file, '')
  return file
}

function masters(folder: string): string {
  return join(folder, 'cp')
}

function listed(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
