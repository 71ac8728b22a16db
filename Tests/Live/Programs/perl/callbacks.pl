use List::Util qw(first);
$| = 1; print "ready $$\n";
sub leaf { while(1){} }
sub cb { eval { leaf(); }; }
sub outer { my $r = first { cb($_) } 1,2; }
sub t { local $SIG{__WARN__} = sub { outer() }; warn "x"; }
eval "t(); 1" or die;
