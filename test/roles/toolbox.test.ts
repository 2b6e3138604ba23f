import { expect, it } from 'vitest'
import { declare } from '#engine/converge/testing.ts'
import toolbox from '../fixtures/roles/toolbox/role.ts'

const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXM1 web1'

it('declares the account, its folders, the jobs and the page, in this order', () => {
  const { labels } = declare(toolbox, { vars: { keys: [key] } })
  const nouns = labels.map(label => label.replace(/ .*/, ''))
  expect([...new Set(nouns)].join(' ')).toBe(
    'apt sysctl timezone file lineInFile locale setting hosts group user authorizedKey sudoers directory download ' +
      'unit service template tree mount cron listens script git archive link block',
  )
})

it('leaves the settings of the kernel to the machine of a container', () => {
  const kernel = (isContainer: boolean) =>
    declare(toolbox, { facts: { isContainer } }).labels.filter(label => label.startsWith('sysctl '))
  expect(kernel(false)).toEqual(['sysctl vm.swappiness'])
  expect(kernel(true)).toEqual([])
})

it('lets no host in by default, and each with a key', () => {
  const accounts = (keys: readonly string[]) =>
    declare(toolbox, { vars: { keys } }).labels.filter(label => label.startsWith('authorizedKey '))
  expect(accounts([])).toEqual([])
  expect(accounts([key])).toEqual(['authorizedKey keeper: ssh-ed25519 …c3R0ZXM1 web1'])
})

it.each([
  ['/etc/toolbox/toolbox.conf', { limit: 75 }, 'limit=75\n'],
  ['/etc/systemd/system/toolbox-page.service', { port: 9200 }, ' -p 127.0.0.1:9200 '],
  ['/etc/systemd/system/toolbox-prune.service', { keep: 30 }, '+30'],
  ['/etc/systemd/system/toolbox-prune.timer', {}, 'OnCalendar=daily'],
  ['/etc/cron.d/toolbox-checks', {}, '*/5 * * * * keeper run-parts /etc/toolbox/checks '],
  ['/etc/sudoers.d/keepers', {}, '%keepers'],
])('%s with %o contains %j', (path, vars, text) => {
  expect(declare(toolbox, { vars }).text(path)).toContain(text)
})

it.each([
  [{ port: 80 }, 'port: expected 1024–65535, got 80'],
  [{ keep: 0 }, 'keep: expected 1–365, got 0'],
  [{ timezone: 'berlin' }, 'timezone: expected a time zone such as Europe/Berlin'],
  [{ offsite: 'offsite.example' }, 'offsite: expected an IP address'],
  [{ kep: 7 }, 'kep: unknown key'],
  [{ keys: ['ssh-ed25519 AAAAC3Nz'] }, 'expected a public key'],
])('refuses %j', (vars, message) => {
  expect(() => declare(toolbox, { vars })).toThrow(message)
})
