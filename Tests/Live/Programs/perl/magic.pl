$| = 1; print "ready $$\n";
sub leaf { my $x = 0; while (1) { $x++ } }
$SIG{USR1} = sub { leaf() };
package Tied;
sub TIESCALAR { return bless [], shift }
sub FETCH { kill USR1 => $$; my $x = 0; $x++ for 1 .. 1000; return 1 }
package Over;
use overload '+' => sub { tie my $tied, 'Tied'; my $value = $tied; return 1 };
package Gone;
sub DESTROY { my $over = bless [], 'Over'; my $sum = $over + 1; }
package main;
sub compare { { my $gone = bless [], 'Gone'; } return 0 }
sub inner { my @sorted = sort { compare($a, $b) } 2, 1; return @sorted }
sub by_inner { inner(); return 0 }
sub named { my @sorted = sort by_inner 2, 1; return "@sorted" }
sub replace { my $text = 'a'; $text =~ s/(a)/named($1)/e; return $text }
replace();
