$| = 1; print "ready $$\n";
package Shape::Round;
sub new { return bless {}, shift }
sub leaf { my $x = 0; while (1) { $x++ } }
sub turn { my $self = shift; $self->leaf() }
package main;
use feature 'lexical_subs'; no warnings;
sub descend {
    my $n = shift;
    return descend($n - 1) if $n;
    my $code = sub {
        for my $object (Shape::Round->new) { $object->turn() }
    };
    $code->();
}
my sub hidden { descend(2) }
sub plain { hidden() }
plain();
