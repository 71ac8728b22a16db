use List::Util qw(first);
$| = 1; print "ready $$\n";
my @numbers = map { $_ * 7919 % 10007 } 1 .. 5000;
sub search { my $found = first { $_ < 0 } @numbers; return $found }
sub order { my @sorted = sort { ($a ^ 5) <=> ($b ^ 5) } @numbers; return scalar @sorted }
sub searching { while (1) { search() } }
sub ordering { while (1) { order() } }
$ARGV[0] eq 'search' ? searching() : ordering();
