use lib '.';
$| = 1; print "ready $$\n";
sub outer { eval "\n require Loaded; 1" or die $@ }
outer();
