/** What a login shell or sudo says when it lets nobody through, and what to do about it. */
export interface Refusal {
  readonly said: RegExp
  readonly code: string
  readonly message: (user: string) => string
  readonly hint: string
}

/** Sources: sudo 1.9 and sudo-rs 0.2, both with LC_ALL=C; nologin(8). */
export const refusals: readonly Refusal[] = [
  {
    said: /a password is required|interactive authentication is required/i,
    code: 'sudo-password-needed',
    message: user => `sudo asks ${user} for a password, and none was given`,
    hint: 'Run again with -K to be asked for it, or give the user NOPASSWD in /etc/sudoers.d.',
  },
  {
    said: /must have a tty/i,
    code: 'sudo-tty',
    message: user => `sudo requires a terminal for ${user} (requiretty)`,
    hint: 'Put `Defaults:USER !requiretty` for that user in /etc/sudoers.d, or log in as root.',
  },
  {
    said: /not in the sudoers|may not run sudo|is not allowed to (execute|run)|I'm sorry .*I'm afraid/i,
    code: 'sudo-refused',
    message: user => `${user} may not become root with sudo`,
    hint: 'Add the user to the group sudo, or log in as root.',
  },
  {
    said: /incorrect password|incorrect authentication attempt|no password was provided/i,
    code: 'sudo-password-wrong',
    message: user => `sudo refused the password of ${user}`,
    hint: 'Run again with -K and enter the password of that user on that host.',
  },
  {
    said: /sudo['’‘`"]?: (No such file|command not found|not found)|Unknown command.*sudo/i,
    code: 'sudo-missing',
    message: user => `sudo is not installed, and ${user} is not root`,
    hint: 'Install sudo on the host (as root: apt-get install sudo), or log in as root.',
  },
  {
    said: /account is currently not available|This account is/i,
    code: 'no-shell',
    message: user => `the login shell of ${user} allows no login`,
    hint: 'Log in as another user, or give this one a shell: usermod --shell /bin/sh USER.',
  },
]
