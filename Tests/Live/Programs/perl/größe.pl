use utf8;
$| = 1; print "ready $$\n";
package Maß;
sub größe { my $x = 0; while (1) { $x++ } }
package Ω;
sub 测量 { Maß::größe() }
package main;
Ω::测量();
