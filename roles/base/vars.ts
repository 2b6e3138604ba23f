import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { checkFingerprints } from '#engine/resources/apt-source.ts'
import {
  bytes,
  choice,
  domain,
  flag,
  group,
  identifier,
  integer,
  list,
  number,
  optional,
  type Problem,
  port,
  record,
  text,
  type VarsOf,
  vars,
} from '#engine/vars.ts'

const network = text({
  pattern: /[0-9a-f:.]+(\/\d{1,3})?/i,
  expects: 'an address or a network such as 10.0.0.0/8',
})

const publicKey = text({
  pattern: /(ssh-|ecdsa-|sk-)[a-z0-9@.-]+ AAAA[A-Za-z0-9+/=]+( .*)?/,
  expects: 'a public key such as ssh-ed25519 AAAA… name',
})

const base = vars({
  hostname: optional(domain({ is: 'the name of the host; unset: it keeps the one that it has' })),
  timezone: text({ default: 'Etc/UTC', is: 'the time zone, such as Europe/Berlin' }),
  locale: text({
    default: 'C.UTF-8',
    is: 'the language of programs, such as de_DE.UTF-8; one that is not C.UTF-8 brings the package locales',
  }),
  time: group({
    sync: flag({
      default: true,
      is: 'keep the clock right by systemd-timesyncd; false where another program does, such as chrony',
    }),
    servers: list(domain(), { default: [], is: 'the time servers; empty: those of the distribution' }),
  }),
  swap: optional(
    text({
      pattern: /0|[1-9]\d{0,5}[mgMG]/,
      expects: 'a size such as 512m or 2g, or 0 for none',
      is: 'the size of /swapfile; unset: the size of the memory on hosts with less than 2 GiB, none on others',
    }),
  ),
  journal: bytes({ default: '500m', is: 'disk space that the journal may take' }),
  sysctl: record(number(), {
    keys: text({ pattern: /[a-z0-9_-]+([./][A-Za-z0-9_@:-]+)+/, expects: 'a key such as vm.swappiness' }),
    default: {},
    is: 'kernel settings beside those that the role makes, or instead of them: { vm.swappiness: 10 }',
  }),
  sources: record(
    group({
      uri: text({
        pattern: /https?:\/\/[\x21-\x7e]+/,
        expects: 'an address such as https://packages.sury.org/php',
        is: 'address of the repository',
      }),
      suites: list(text({ pattern: /[A-Za-z0-9./][A-Za-z0-9._/-]*/, expects: 'a suite such as bookworm' }), {
        min: 1,
        is: 'suites of the repository; a suite that ends with / has no components',
      }),
      components: list(
        text({ pattern: /[A-Za-z0-9][A-Za-z0-9._/-]*/, expects: 'a component such as main' }),
        {
          default: [],
          is: 'components of the suites',
        },
      ),
      key: text({ is: 'file with the public key of the repository, relative to the project folder' }),
      fingerprint: text({
        pattern: /[0-9A-Fa-f ]{40,}/,
        expects: '40 or 64 hex digits',
        is: 'fingerprint of the key',
      }),
    }),
    {
      keys: text({
        pattern: /[A-Za-z0-9_-][A-Za-z0-9_.-]*/,
        expects: 'a name such as sury',
        reserved: name =>
          /^(debian|ubuntu)(-.*)?$/.test(name) ? 'names the repositories of the distribution' : undefined,
      }),
      default: {},
      is: 'further package repositories; apt takes the newest version that any of them has',
    },
  ),
  upgrades: group({
    enabled: flag({ default: true, is: 'install security updates every day (unattended-upgrades)' }),
    reboot: text({
      pattern: /([01]\d|2[0-3]):[0-5]\d|never/,
      expects: 'a time of day such as 04:30, or never',
      default: '04:30',
      is: 'when the host reboots after an update that needs a reboot',
    }),
    held: list(text({ pattern: /[a-z0-9][a-z0-9+.-]*/, expects: 'the name of a package' }), {
      default: [],
      is: 'packages that are never updated this way',
    }),
  }),
  checksums: flag({
    default: true,
    is: 'compare the files of packages with their checksums every week (debsums): one that was changed fails capstan-checksums.service, which status.mjs shows',
  }),
  coreDumps: flag({
    default: false,
    is: 'let programs write core dumps, which have their memory and so passwords in them',
  }),
  deploy: group({
    user: optional(
      identifier({ is: 'an account that may log in by key, for people or for CI; unset: none' }),
    ),
    keys: list(publicKey, { default: [], is: 'its public keys; others are removed' }),
    commands: list(text(), {
      default: [],
      is: 'what it may run as root by sudo, without a password: absolute paths with all their arguments',
    }),
  }),
  ssh: group({
    ports: optional(
      list(port(), {
        min: 1,
        is: 'the ports of sshd; unset: they stay as they are. The port of this run has to be among them',
      }),
    ),
    from: list(network, { default: [], is: 'networks that reach sshd; empty: all' }),
    users: list(identifier(), { default: [], is: 'users that may log in; empty: all that have a key' }),
    root: optional(
      choice(['key', 'no'], {
        is: 'whether root may log in, by key alone; unset: key where Capstan logs in as root, no elsewhere',
      }),
    ),
    forwarding: flag({ default: false, is: 'allow TCP forwarding: true on a jump host' }),
    rate: integer({
      min: 3,
      max: 100_000,
      default: 60,
      is: 'new connections to sshd that one address may make in a minute; more are dropped for a minute',
    }),
    options: list(text(), { default: [], is: 'further lines of sshd_config, read before those of the role' }),
  }),
  firewall: group({
    enabled: flag({ default: true, is: 'let in what the roles declare to listen, and nothing else' }),
    allow: list(
      group({
        tcp: optional(port()),
        udp: optional(port()),
        from: list(network, { default: [] }),
      }),
      { default: [], is: 'further ports: { tcp: 9100, from: [10.0.0.0/8] }; without from, to all' },
    ),
    rules: list(text(), { default: [], is: 'further rules in nft’s own language, read before all others' }),
  }),
})

export default {
  ...base,
  parse(input, site) {
    const parsed = base.parse(input, site)
    if (!parsed.ok) return parsed
    const problems = [
      ...Object.entries(parsed.value.sources).flatMap(([name, source]) => keyProblems(name, source)),
      ...(parsed.value.deploy.user === 'root'
        ? [{ path: ['deploy', 'user'], message: 'expected an account of its own, got root' }]
        : []),
    ]
    return problems.length > 0 ? { ok: false, problems } : parsed
  },
} satisfies typeof base

type Source = VarsOf<typeof base>['sources'][string]

/** What the file of a source's key has. Throws where it can't be read. */
export function keyOf({ key }: Pick<Source, 'key'>): Buffer {
  return readFileSync(resolve(import.meta.dirname, '../..', key))
}

function keyProblems(name: string, source: Source): readonly Problem[] {
  try {
    checkFingerprints(source.key, keyOf(source), [source.fingerprint])
    return []
  } catch (error) {
    return [{ path: ['sources', name, 'key'], message: error instanceof Error ? error.message : `${error}` }]
  }
}
