#!/usr/bin/env zx
// Shows the DNSSEC keys of signed zones with the DS records for the registrar, or replaces a key step by step. Run roll
// again for each step: it names the next one, and removes the old key only when the parent has had the new DS record alone for a day.
//
//   npx zx scripts/dns.mjs -i production keys
//   npx zx scripts/dns.mjs -i production roll foobar.com
import { hosts, printable, script } from '#capstan'
import { dns } from '#roles'

const {
  arguments: [command, ...zones],
  flags,
  refuse,
} = script({
  arguments: 'keys|roll [ZONE…]',
  flags: {
    'no-wait': {
      type: 'boolean',
      help: 'roll: start without a DS record at the parent, and remove the old key without a day of waiting',
    },
  },
})
if (command !== 'keys' && command !== 'roll') refuse('expected keys or roll', 'npx zx scripts/dns.mjs keys')
if (command === 'roll' && zones.length !== 1)
  refuse('roll: expected one zone', 'npx zx scripts/dns.mjs roll foobar.com')

const list = await hosts().list()
const zonesOf = host => zones.filter(zone => dns.signedZones(host).includes(zone))
const unknown = zones.filter(zone => !list.some(host => zonesOf(host).includes(zone)))
if (unknown.length > 0)
  refuse(`no host signs ${unknown.join(', ')}`, 'docs/dns.md shows how a zone is signed.')

const chosen = list.filter(host => zones.length === 0 || zonesOf(host).length > 0).map(({ name }) => name)
await hosts(chosen.join()).each({ maxFail: '100%' }, async host => {
  const text =
    command === 'roll'
      ? await dns.roll(host, zones[0], { wait: !flags['no-wait'] })
      : await dns.keys(host, zones.length > 0 ? zonesOf(host) : undefined)
  for (const line of text.split('\n').filter(Boolean)) console.log(printable(`${host.name}  ${line}`))
})
