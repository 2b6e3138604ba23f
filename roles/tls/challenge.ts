import { readFileSync } from 'node:fs'
import { answeredSerial, raisedSerial } from '#engine/resources/zone-serial.ts'

/** Where certbot's hook for challenges is. */
export const challengeHook = '/etc/letsencrypt/capstan-challenge'

/** The program that publishes and removes challenges, with what it asks PowerDNS by. */
export function challengeProgram(): string {
  const program = readFileSync(new URL('challenge.pl', import.meta.url), 'utf8')
  return program.replace('# functions', () => `${answeredSerial}${raisedSerial}`.trim())
}
