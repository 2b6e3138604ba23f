import { quote } from '../quote.ts'

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** What of the login's environment a shell of ours keeps: who it is, from where (facts.ts), and the proxies that its network needs. */
const kept = [
  ...['HOME', 'USER', 'LOGNAME', 'SHELL', 'SSH_CONNECTION'],
  ...['http_proxy', 'https_proxy', 'ftp_proxy', 'all_proxy', 'no_proxy'],
  ...['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY'],
]

const clean = `exec /usr/bin/env -i ${kept.map(name => `\${${name}+${name}="$${name}"}`).join(' ')} LC_ALL=C PATH=${path}`

/**
 * The command of a POSIX sh that runs `body` in the same environment on every host: what sshd, PAM or sudo give the login,
 * such as PERL5OPT or LD_PRELOAD, reaches no program of ours. `body` holds no single quote.
 */
export function cleanShell(body: string, shell: HostShell = 'sh'): string {
  return `/bin/sh -c '${choose[shell]}${clean} ${run[shell]} -c "$0"' '${body}'`
}

/** The shell of a script: `bash` is bash where the host has it, as every Debian does, and else sh. */
export type HostShell = 'sh' | 'bash'

const choose: Readonly<Record<HostShell, string>> = {
  sh: '',
  bash: 's=/bin/sh; [ -x /bin/bash ] && s="/bin/bash --norc"; ',
}
const run: Readonly<Record<HostShell, string>> = { sh: '/bin/sh', bash: '$s' }

/**
 * A script for root's shell, which goes on as the shell of another user with `body`: the user's groups and home, a clean
 * environment. `body` holds no single quote.
 */
export function shellAs(user: string, body: string, shell: HostShell): string {
  return `u=${quote(user)}
g=$(id -g -- "$u") && h=$(getent passwd "$u") || exit 255
h=\${h%:*}; h=\${h##*:}; ${choose[shell]}
exec setpriv --reuid "$u" --regid "$g" --init-groups -- \\
  /usr/bin/env -i HOME="$h" USER="$u" LOGNAME="$u" SHELL=/bin/sh LC_ALL=C PATH=${path} ${run[shell]} -c '${body}'`
}

/** The beginning of a command by sudo, which gets a clean environment as well, whatever its env_keep says. */
export const cleanSudo = `/bin/sh -c '${clean} sudo "$@"' sh`

/**
 * The first line of a shell of ours; it says `nonce`, and the shell's pid, on stdout and `nonce` on stderr, so that
 * what a login shell wrote before is told from what we ask.
 */
export function preamble(nonce: string): string {
  return `{ umask 022; cd /; printf "\\036%s %d\\n" ${nonce} "$$"; printf "\\036%s 0\\n" ${nonce} >&2; }`
}
