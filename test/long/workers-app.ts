/** Words that a shell or systemd would make something else of. */
export const odd = [
  ...[
    'a b',
    '',
    '"',
    "'",
    '\\',
    'back\\',
    '%i',
    '%%',
    '%h/%n',
    '\\n',
    '\\x41',
    ';',
    '-x',
    '#',
    '*',
    'é 日本 😀',
  ],
  ...['$HOME', '${HOME}', '$$', '$(id)', '`id`'],
]
export const value = 'it\'s "so" $HOME %i \\ é'

/** Takes a job when there is one, is at it until `go` is there, and ends when it is told to, after that. */
export const mail = String.raw`#!/usr/bin/perl
my ($release, $end) = $ENV{RELEASE}; $SIG{TERM} = sub { $end = 1 };
sub note { open my $log, ">>", "storage/log"; print {$log} "$_[0] $release\n" }
note("begun");
open my $seen, ">", "storage/seen.new"; print {$seen} map { "$_\0" } @ARGV, @ENV{"ODD", "APP"}, readlink("/proc/self/cwd"), scalar getpwuid $<;
close $seen; rename "storage/seen.new", "storage/seen";
open my $begun, ">", "storage/begun"; print {$begun} $$; close $begun;
for (; !$end; pause()) {
  next unless rename "storage/job", "storage/job-$release";
  pause() until -e "storage/go"; unlink "storage/job-$release"; note("did a job");
}
note("ended");
sub pause { select undef, undef, undef, 0.1 }
`
/** Writes a line; where it has much to do it is at it until `go` is there. Knows no signal. */
export const sweep = `#!/bin/sh
if mv storage/long "storage/long-$RELEASE" 2>/dev/null; then until [ -e storage/go ]; do sleep 0.1; done; echo "swept all $RELEASE" >>storage/log; fi
echo "swept $RELEASE" >>storage/log
`
/** One that runs all the time, and a job of every other second. */
export const workers = {
  mail: { command: ['bin/mail', ...odd], stop: '20s' },
  sweep: { command: 'bin/sweep', schedule: '*:*:0/2', stop: '20s' },
}
/** What the inventory says: these workers, and these settings of releases beside quick ones. */
export const vars = (all: object, release: object = {}) => ({
  site: { runtime: 'static' },
  app: {
    environment: { ODD: value },
    workers: all,
    release: { health: { timeout: '2s' }, drain: '1s', keep: 10, ...release },
  },
})
/** Settings by which no release is well. */
export const sick = { health: { path: '/none', timeout: '1s' } }
