# Perl's own word on which subroutines it is in, by a timer of its CPU time: counts of samples by name, at the end.
use Time::HiRes qw(setitimer ITIMER_PROF time);
$| = 1;
sub work { my $x = 0; my $i = 0; while ($i < $_[0]) { $x += $i; $i++ } }
sub often { work(6000) }
sub seldom { work(3000) }
sub rarely { work(1000) }
sub turn { often(); seldom(); rarely() }
my (%counts, $total);
sub sampled {
    $total++;
    my %seen;
    for (my $level = 1; my @frame = caller($level); $level++) { $seen{$frame[3]} = 1 }
    $counts{$_}++ for keys %seen;
}
$SIG{PROF} = \&sampled;
print "ready $$\n";
setitimer(ITIMER_PROF, 0.005, 0.005);
my $finish = time + $ARGV[0];
turn() while time < $finish;
setitimer(ITIMER_PROF, 0);
print "total $total\n";
print "$_ ", $counts{"main::$_"} || 0, "\n" for qw(work often seldom rarely turn);
print "end\n";
