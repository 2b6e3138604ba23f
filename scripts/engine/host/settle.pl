# What a step had started that was killed ends before anything else is done: it is killed (`kill`) or waited for (`wait`).
# Runs in the session of the stage. common.pl is part of it. Arguments: HOW.
end_processes_of((status_of($$))[3], $ARGV[0], sub { select undef, undef, undef, $_[0] });
