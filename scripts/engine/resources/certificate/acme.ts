import type { Difference } from '#engine/output/events.ts'
import { quote, quoteAll } from '#engine/quote.ts'
import { differs, type Kind } from '#engine/resources/resource.ts'
import {
  brokenPair,
  closed,
  expiring,
  type FoundPair,
  install,
  isOpen,
  issuerOf,
  lifetime,
  make,
  namesOf,
  notYetValid,
  pair,
  sorted,
} from './pair.ts'

export interface WantedAcme {
  readonly domain: string
  readonly names: readonly string[]
  /** The URL of the CA's directory, RFC 8555, 7.1.1. */
  readonly directory: string
  /** Whom the CA writes to. */
  readonly email: string
  /** Served at `http://<name>/`; the challenges lie in it below .well-known/acme-challenge. */
  readonly webroot: string
  /** The program on the host that publishes challenges, for names such as `*.foobar.com`; absent: names have none. */
  readonly hook: string | undefined
  /** The address that the names should lead to, beside those of the host. */
  readonly address: string | undefined
  /** Before an order, names that lead to another host are an error. */
  readonly checksAddresses: boolean
  /** PEM file on the host that the directory's own TLS certificate is checked with; absent: the system's CAs. */
  readonly ca: string | undefined
}

/**
 * A pair that certbot ordered. Ordered again when names or directory are others, or when less than 3/10 of its time
 * is left: certbot's timer has renewed it before that, where all is well.
 */
export const acme: Kind<WantedAcme, FoundPair> = {
  ...pair,

  diff(wanted, found) {
    const due = orderDue(wanted, found)
    return due.length > 0 ? due : notInstalled(found)
  },

  apply(wanted, found) {
    const { domain, directory, email, ca = '', webroot, hook = '', address = '', checksAddresses } = wanted
    if (orderDue(wanted, found).length > 0) {
      const own = [domain, directory, email, ca, webroot, hook, checksAddresses ? address || 'own' : '']
      return `${make}certificate_order ${quoteAll([...own, ...ordered(wanted.names)])}\n`
    }
    const different = notInstalled(found)
    return isOpen(different) ? closed(domain) : install + installOrdered(domain)
  },
}

/** What certbot runs after each renewal: a script that installs this lineage's pair and has the server read it. */
export function renewalHook(domain: string, reload: string): string {
  return `#!/bin/sh
# Managed by Capstan; changes here are undone by the next run.
# certbot runs this after it has renewed a certificate: the new pair goes where the web server reads it, and is read.
set -eu
[ "\${RENEWED_LINEAGE-}" = ${quote(`/etc/letsencrypt/live/${domain}`)} ] || exit 0

${install.replace(/^# shellcheck.*\n/, '')}
${installOrdered(domain)}${reload}`
}

function orderDue(wanted: WantedAcme, { lineage, now }: FoundPair): readonly Difference[] {
  const { leaf, directory } = lineage
  if (!leaf) return [{ what: 'certificate', found: 'none ordered', wanted: `from ${wanted.directory}` }]
  return [
    ...differs('directory', directory, wanted.directory),
    ...differs('names', namesOf(leaf), sorted(ordered(wanted.names))),
    // A CA issues for now: within a day it is the host's clock that is late, and another order would not help.
    ...notYetValid(leaf, now, 1),
    ...expiring(leaf, now, lifetime(leaf) * 0.3),
  ]
}

/** Without the names that a wildcard among them covers, which CAs refuse beside it. */
function ordered(names: readonly string[]): readonly string[] {
  return names.filter(name => name.startsWith('*') || !names.includes(name.replace(/^[^.]+/, '*')))
}

function notInstalled(found: FoundPair): readonly Difference[] {
  const { leaf, lineage } = found
  const broken = brokenPair(found)
  if (!leaf || !lineage.leaf || !isOpen(broken) || found.chain === lineage.chain) return broken
  return [
    ...broken,
    {
      what: 'certificate',
      found: `${leaf.serialNumber.toLowerCase().slice(-8)} of ${issuerOf(leaf)}`,
      wanted: `${lineage.leaf.serialNumber.toLowerCase().slice(-8)} of ${issuerOf(lineage.leaf)}`,
    },
  ]
}

function installOrdered(domain: string): string {
  const live = `/etc/letsencrypt/live/${domain}`
  return `certificate_install ${quoteAll([domain, `${live}/fullchain.pem`, `${live}/privkey.pem`])}\n`
}
