# A path as a manifest has it, without its escapes; manifest.ts writes them.
sub plain { my ($name) = @_; $name =~ s/\\(.)/$1 eq "t" ? "\t" : $1 eq "n" ? "\n" : $1/ge; $name }
