import { expect, test } from 'vitest'
import { parseSandboxCommand } from '#engine/command/sandbox.ts'
import { sshArguments } from '#engine/sandbox/ssh-arguments.ts'

test.each([
  [['up'], { verb: 'up', hosts: [] }],
  [
    ['up', 'web1', 'web2:13', 'web3:sid'],
    {
      verb: 'up',
      hosts: [
        { name: 'web1', debian: undefined },
        { name: 'web2', debian: 13 },
        { name: 'web3', debian: 'sid' },
      ],
    },
  ],
  [['down'], { verb: 'down', names: [], purge: false }],
  [['down', 'web1'], { verb: 'down', names: ['web1'], purge: false }],
  [['down', '--purge'], { verb: 'down', names: [], purge: true }],
  [['status'], { verb: 'status' }],
  [['ssh', 'web1'], { verb: 'ssh', host: 'web1', command: [] }],
  [['ssh', 'web1', 'ls', '-l', '--help'], { verb: 'ssh', host: 'web1', command: ['ls', '-l', '--help'] }],
  [['--help'], { verb: 'help' }],
  [['up', '-h'], { verb: 'help' }],
])('%j is understood', (args, expected) => {
  expect(parseSandboxCommand(args)).toEqual(expected)
})

test.each([
  [[], 'got nothing'],
  [['start'], 'got start'],
  [['up', '--force'], "Unknown option '--force'"],
  [['up', '--purge'], '--purge goes with down'],
  [['up', 'web1:14'], 'expected Debian 12, 13 or sid, got 14'],
  [['up', 'web1:13:2'], 'expected Debian 12, 13 or sid, got 13:2'],
  [['down', 'web1', '--purge'], 'without names'],
  [['status', 'web1'], 'got status web1'],
  [['ssh'], 'wanted the name of a host'],
])('%j is refused: %s', (args, message) => {
  expect(() => parseSandboxCommand(args)).toThrow(message)
})

test('ssh reads no configuration but ours and takes no other key', () => {
  const args = sshArguments({
    ...{ name: 'web1', debian: 12, address: '127.0.0.1', port: 22_000, user: 'root', ip: '10.141.7.10' },
    ...{ keyFile: '/a b/id', knownHostsFile: '/a b/known_hosts' },
    ports: { http: 1, https: 2, dns: 3 },
  })
  expect(args).toContain('StrictHostKeyChecking=yes')
  expect(args).toContain('UserKnownHostsFile="/a b/known_hosts"')
  expect(args.join(' ')).toContain('-F /dev/null -i /a b/id -p 22000')
  expect(args.at(-1)).toBe('root@127.0.0.1')
})
