use threads;
$| = 1; print "ready $$\n";
sub first_leaf { my $x = 0; while (1) { $x++ } }
sub second_leaf { my $x = 0; while (1) { $x++ } }
sub in_thread { my $n = shift; return in_thread($n - 1) if $n; second_leaf() }
threads->create(\&in_thread, 2)->detach;
sub in_main { first_leaf() }
in_main();
