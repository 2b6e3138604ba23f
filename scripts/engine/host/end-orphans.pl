# Ends what a killed step has started: kills it (`kill`) or waits for it (`wait`). Runs in the session of the stage. common.pl is part of it. Arguments: HOW.
end_processes_of((status_of($$))[3], $ARGV[0], sub { select undef, undef, undef, $_[0] });
