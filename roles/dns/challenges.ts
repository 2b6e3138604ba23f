import { quote } from '#engine/quote.ts'

/** Where the zones of ACME challenges are: outside of /etc/powerdns, since they change between runs. */
export const challengeFolder = '/var/lib/powerdns/challenges'

export interface ChallengeZone {
  readonly file: string
  /** The zone without a challenge. Its first line says where the server is asked. */
  readonly text: string
  /** Shell that succeeds where the file is such a zone, with challenges or without. */
  readonly isThere: string
}

/** A zone that has the challenges of one wildcard name, each for the minute in which it is asked for. */
export function challengeZone(name: string, nameServer: string | undefined, at: string): ChallengeZone {
  const file = `${challengeFolder}/${name}.zone`
  const first = `; Managed by Capstan. certbot adds and removes the TXT records; the server is asked at ${at}.`
  const server = `@ IN NS ${nameServer}.`
  const lines = [
    first,
    `$ORIGIN ${name}.`,
    '$TTL 1',
    `@ IN SOA ${nameServer}. hostmaster.${name.replace('_acme-challenge.', '')}. ( 1 3600 900 1209600 1 )`,
    server,
  ]
  return {
    file,
    text: `${lines.join('\n')}\n`,
    isThere: `grep -qxF ${quote(first)} ${quote(file)} && grep -qxF ${quote(server)} ${quote(file)}`,
  }
}
