import type { Facts } from '#engine/converge/facts.ts'

/**
 * Settings of /etc/login.defs for accounts and passwords that are made by hand. Passwords do not expire: an expired one closes
 * its account to keys too. Source: login.defs(5); the rounds are those of DevSec's os_hardening.
 */
export function loginDefaults({ system }: Facts): Readonly<Record<string, string>> {
  return {
    // What hashes by SHA-512 in place of yescrypt, such as `chpasswd -c SHA512`.
    SHA_CRYPT_MIN_ROUNDS: '640000',
    SHA_CRYPT_MAX_ROUNDS: '640000',
    // Debian 12 has no pam_umask, and this sets the mode of new homes alone. Later releases have HOME_MODE 0700 for that.
    ...(system === 'debian 12' ? { UMASK: '027' } : {}),
  }
}
