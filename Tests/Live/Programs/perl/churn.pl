# Subroutines that are compiled, run and freed all the time, each in a file of its own.
$| = 1; print "ready $$\n";
for (my $n = 0; ; $n++) {
    eval qq{#line 1 "made-$n"\nsub made_$n { my \$x = 0; \$x++ while \$x < 60000; return \$x }\n1} or die $@;
    &{"made_$n"}();
    undef &{"made_$n"};
    delete $main::{"made_$n"};
}
