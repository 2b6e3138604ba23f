const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const surprises =
  'IFS ENV BASH_ENV CDPATH GLOBIGNORE LANG LANGUAGE MAIL MAILPATH TMPDIR POSIXLY_CORRECT GREP_OPTIONS TAR_OPTIONS'

/**
 * The first line of a shell of ours, the same surroundings on every host; it says `nonce`, and the shell's pid,
 * on stdout and `nonce` on stderr, so that what a login shell wrote before is told from what we ask.
 */
export function preamble(nonce: string): string {
  return (
    `{ unset ${surprises}; LC_ALL=C; PATH=${path}; export LC_ALL PATH; umask 022; cd /; ` +
    `printf "\\036%s %d\\n" ${nonce} "$$"; printf "\\036%s 0\\n" ${nonce} >&2; }`
  )
}
