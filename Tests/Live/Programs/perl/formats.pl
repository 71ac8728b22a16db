$| = 1; print "ready $$\n";
sub leaf { my $x = 0; while (1) { $x++ } }
sub matched { return 'abc' =~ /b(?{ leaf() })c/ }
format OUT =
@<<<
matched()
.
open OUT, '>', '/dev/null';
sub report { write OUT }
report();
