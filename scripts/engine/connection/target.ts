import type { Secret } from '../secret.ts'

/** A host to log in to. What is absent is as OpenSSH's own configuration says for `address`. */
export interface SshTarget {
  /** The name in the inventory, for messages. */
  readonly host: string
  /** What `ssh` would be given: a host name, an alias of ssh_config, an address. */
  readonly address: string
  readonly port?: number | undefined
  readonly user?: string | undefined
  /** A private key; given, no other key is tried. */
  readonly keyFile?: string | undefined
  /** Offered before all other keys. */
  readonly key?: Secret | undefined
  readonly knownHostsFile?: string | undefined
  /** Lines of known_hosts, looked into instead of the files that OpenSSH would read; a `knownHostsFile` wins. */
  readonly knownHosts?: string | undefined
  readonly hostKeyAlias?: string | undefined
  /** Read instead of ~/.ssh/config and /etc/ssh/ssh_config; `none`: no file is. */
  readonly configFile?: string | undefined
  /** `auto`: by sudo to root unless the login is root; `no`: as the login's user. */
  readonly sudo: 'no' | 'auto'
  readonly sudoPassword?: Secret | undefined
  /** Seconds for the TCP connection, and again for the handshake; ssh_config's ConnectTimeout, else 20. */
  readonly connectTimeout?: number | undefined
  /** At most so many seconds for all of the login, whatever the configuration says. */
  readonly limit?: number | undefined
  /** Seconds between keep-alives, three of which may stay unanswered; 10 by default. */
  readonly keepalive?: number | undefined
}
