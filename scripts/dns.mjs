#!/usr/bin/env zx
// Shows the DNSSEC keys of signed zones with the DS records for the registrar, or replaces a key step by step. Run roll
// again for each step: it names the next one, and removes the old key only when the parent has had the new DS record alone for a day.
//
//   npx zx scripts/dns.mjs -i production keys
//   npx zx scripts/dns.mjs -i production roll foobar.com
import { readFileSync } from 'node:fs'
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
      help: 'roll: skip the waits for the parent and for caches, where a key has to go at once',
    },
  },
})
if (command !== 'keys' && command !== 'roll') refuse('expected keys or roll', 'npx zx scripts/dns.mjs keys')
if (command === 'roll' && zones.length !== 1)
  refuse('roll: expected one zone', 'npx zx scripts/dns.mjs roll foobar.com')

const part = name => readFileSync(new URL(`../roles/dns/${name}`, import.meta.url), 'utf8')
const program = part('signed.pl') + part('keys.pl')
await hosts().each(async host => {
  // The same default as in the role: the server always listens on loopback.
  const at = host.varsOf(dns).listen?.[0] ?? '127.0.0.1'
  const output = await host.$({
    input: program,
    nothrow: true,
    readOnly: command === 'keys',
  })`perl - ${command} ${at} ${flags['no-wait'] ? 'no' : 'yes'} ${zones}`
  if (output.exitCode !== 0) throw output
  console.log(printable(output.stdout.trimEnd()))
})
