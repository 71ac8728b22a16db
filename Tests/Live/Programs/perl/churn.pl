# Subroutines that are compiled, run and freed all the time, each in a file of its own. Every eighth lives long enough to be
# named for certain, the others may be gone before somebody looks.
$| = 1; print "ready $$\n";
for (my $n = 0; ; $n++) {
    my $end = $n % 8 ? 60_000 : 6_000_000;
    eval qq{#line 1 "made-$n"\nsub made_$n { my \$x = 0; \$x++ while \$x < $end; return \$x }\n1} or die $@;
    &{"made_$n"}();
    undef &{"made_$n"};
    delete $main::{"made_$n"};
}
