no warnings 'recursion';
$| = 1; print "ready $$\n";
sub descend {
    my $n = shift;
    return descend($n - 1) if $n;
    my $x = 0;
    while (1) { $x++ }
}
descend(400);
