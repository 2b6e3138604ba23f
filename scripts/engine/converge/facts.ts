import { CapstanError } from '#engine/errors.ts'
import { type System, systems } from '#engine/systems.ts'

/** Facts about a host, read in the first trip. */
export interface Facts {
  readonly os: {
    /** `debian`, `ubuntu`. */
    readonly id: string
    /** `12`, `13`, `24.04`; `sid` where the release has no number. */
    readonly version: string
    readonly codename: string
    /** `Debian GNU/Linux 12 (bookworm)`. */
    readonly name: string
  }
  /** `x86_64`, `aarch64`. Source: uname -m. */
  readonly architecture: string
  readonly hostname: string
  readonly cpus: number
  /** MiB of memory in all. Source: /proc/meminfo. */
  readonly memory: number
  /** Addresses of global scope, IPv4 first; the first is where the host is reached on its own network. */
  readonly addresses: readonly string[]
  /** Its system's key in tables of what each ships: `debian 12`. */
  readonly system: System
  /** A container shares the kernel of its machine: clock, swap and kernel settings are that one's. */
  readonly isContainer: boolean
  /** How this run is logged in; undefined: not over ssh. */
  readonly ssh: SshLogin | undefined
  /** Apps that have a live release: those with a link /srv/www/<app>/current. */
  readonly live: readonly string[]
  /** The sites that the host has been set up for, those among them that it no longer has. */
  readonly sites: readonly SetUpSite[]
  /** Handlers that an earlier run was to call and did not, as `role/name`. */
  readonly pending: readonly string[]
}

/** A site that a host has been set up for. */
export interface SetUpSite {
  readonly app: string
  readonly domain: string
  /** It was taken out of the inventory, and the host no longer serves it. */
  readonly isRemoved: boolean
  /** Its data is removed as well: the site is named in --purge. */
  readonly isPurged?: boolean
}

export interface SshLogin {
  /** The port of the host's sshd; the one of the inventory may be another, by NAT. */
  readonly port: number
  /** The address that the host sees the login come from. */
  readonly client: string
  readonly user: string
  /** The last 24 characters of each key in the user's authorized_keys; undefined where sshd looks for keys elsewhere. */
  readonly keys: readonly string[] | undefined
}

/** Shell that prints the facts as NUL-ended pairs. */
export const factsScript = String.raw`
pair() { printf '%s\0%s\0' "$1" "$2"; }
pair architecture "$(uname -m)"
perl -e '
  sub pair { print "$_[0]\0$_[1]\0" }
  # Assignments of shell, which are read and never run. Source: os-release(5).
  my %os; if (open my $f, "<", "/etc/os-release") { while (<$f>) { my ($name, $value) = /^([A-Z0-9_]+)=(.*?)\s*$/ or next;
    $value =~ s/^"(.*)"$/$1/ or $value =~ s/^\x27(.*)\x27$/$1/; $value =~ s/\\(["\\\$\x60\x27])/$1/g; $os{$name} = $value } }
  pair "os.id" => $os{ID}; pair "os.version" => $os{VERSION_ID}; pair "os.codename" => $os{VERSION_CODENAME}; pair "os.name" => $os{PRETTY_NAME};
  if (open my $f, "<", "/proc/sys/kernel/hostname") { chomp(my $name = <$f>); pair hostname => $name }
  if (open my $f, "<", "/proc/cpuinfo") { pair cpus => scalar grep { /^processor\s/ } <$f> }
  if (open my $f, "<", "/proc/meminfo") { while (<$f>) { pair memory => int $1 / 1024 if /^MemTotal:\s+(\d+)/ } }
  if (open my $f, "<", "/proc/net/fib_trie") { my ($last, %seen);
    while (<$f>) { $last = $1 if /\|-- ([\d.]+)/; pair address => $last if /\/32 host LOCAL/ && $last !~ /^127\./ && !$seen{$last}++ } }
  if (open my $f, "<", "/proc/net/if_inet6") { while (<$f>) { my @f = split; next unless $f[3] eq "00";
    pair address => join ":", map { sprintf "%x", hex } $f[0] =~ /(....)/g } }
  pair container => "yes" if -e "/run/systemd/container";
  # sudo drops the variables of the login: they are those of a process above it.
  for (my $pid = $$; $pid > 1; ) { my $env = slurp("/proc/$pid/environ");
    if (my ($client, $port) = $env =~ /(?:^|\0)SSH_CONNECTION=(\S+) \d+ \S+ (\d+)(?:\0|$)/) { my ($user) = $env =~ /(?:^|\0)USER=([^\0]+)/; my $home = (getpwnam $user)[7];
      my $keys = join ",", map { substr $_, -24 } join("\n", map { slurp("$home/.ssh/$_") } qw(authorized_keys authorized_keys2)) =~ /^[^#\n]*\b(?:ssh-|ecdsa-|sk-)[a-z0-9@.-]+ (AAAA[^\s,]+)/mg;
      my $elsewhere = grep { slurp($_) =~ /^\s*(?:AuthorizedKeysCommand|AuthorizedKeysFile|TrustedUserCAKeys)\s/mi } "/etc/ssh/sshd_config", glob "/etc/ssh/sshd_config.d/*.conf";
      pair ssh => "$port $client $user " . ($elsewhere ? "" : $keys || "none"); last }
    ($pid) = slurp("/proc/$pid/stat") =~ /.*\) \S+ (\d+)/s or last }
  sub slurp { open my $f, "<", $_[0] or return ""; local $/; scalar <$f> // "" }
  if (opendir my $d, "/srv/www") { -l "/srv/www/$_/current" and pair live => $_ for sort grep { !/^\./ } readdir $d }
  if (open my $f, "<", "/var/lib/capstan/site") { while (<$f>) { pair site => $1 if /^(\S+ \S+(?: removed)?)$/ } }
  # A host that was set up before there was such a file is known by the folders of its app and its certificate.
  else { my @app = map { m{^/srv/www/([^/\s]+)/current$} && -l $_ ? $1 : () } glob "/srv/www/*/current";
    my @domain = map { m{^/etc/ssl/capstan/([^/\s]+)/fullchain\.pem$} ? $1 : () } glob "/etc/ssl/capstan/*/fullchain.pem";
    pair site => "$app[0] $domain[0]" if @app == 1 && @domain == 1 }
  for my $pending (qw(pending owed)) { opendir my $d, "/var/lib/capstan/$pending" or next; pair pending => pack "H*", $_ for sort grep { /^[0-9a-f]+$/ } readdir $d }
'
if [ -d /run/systemd/system ]; then pair systemd yes; fi
`

/** The facts in what `factsScript` printed. Throws CapstanError for a host that Capstan can't manage. */
export function parseFacts(output: Buffer, host: string): Facts {
  const all = new Map<string, string[]>()
  const values = output.toString().split('\0')
  for (let i = 0; i + 1 < values.length; i += 2) {
    const key = values[i] ?? ''
    all.set(key, [...(all.get(key) ?? []), values[i + 1] ?? ''])
  }
  const one = (key: string) => all.get(key)?.[0] ?? ''
  const os = {
    id: one('os.id'),
    version: one('os.version') || 'sid',
    codename: one('os.codename'),
    name: one('os.name') || 'an unknown system',
  }
  const system = systems.find(one => one === `${os.id} ${os.version}`)
  if (!system || !all.has('systemd'))
    throw new CapstanError('host-unsupported', `${host}: ${unsupported(os.name, system !== undefined)}`, {
      hint: `Capstan manages ${systems.join(', ')} with systemd. Remove this host from the inventory, or exclude it with -l.`,
    })
  return {
    os,
    architecture: one('architecture'),
    hostname: one('hostname'),
    cpus: Number(one('cpus')) || 1,
    memory: Number(one('memory')),
    addresses: all.get('address') ?? [],
    system,
    isContainer: all.has('container'),
    ssh: sshLogin(one('ssh')),
    live: all.get('live') ?? [],
    sites: (all.get('site') ?? []).map(line => {
      const [app = '', domain = '', removed] = line.split(' ')
      return { app, domain, isRemoved: removed !== undefined }
    }),
    pending: all.get('pending') ?? [],
  }
}

function sshLogin(text: string): SshLogin | undefined {
  const [port, client, user, keys] = text.split(' ')
  if (!port || !client || !user) return undefined
  return {
    port: Number(port),
    client,
    user,
    keys: keys ? (keys === 'none' ? [] : keys.split(',')) : undefined,
  }
}

function unsupported(name: string, supported: boolean): string {
  return supported ? `${name} without systemd as its init` : `${name} is not a system Capstan manages`
}
