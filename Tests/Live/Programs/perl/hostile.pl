# Breaks its own stack of contexts, names and statements at random, as the profiler follows them: a second thread links
# them to themselves, to unmapped memory, to what is none. What the first thread itself uses is left alone.
use threads;
use B;
$| = 1;

my ($context_bytes, $code_at) = $] < 5.032 ? (0x60, 0x40) : (0x68, 0x48);
our $heap = '';

sub word { return unpack('Q', substr($heap, $_[0], 8)) }

# Addresses of words that may be rewritten while victim() spins.
sub places {
    my $code = 0 + \&victim;
    open(my $maps, '<', '/proc/self/maps') or die;
    my ($start, $end) = map { hex } map { /^(\w+)-(\w+) .*\[heap\]/ ? ($1, $2) : () } <$maps>;
    open(my $memory, '<:raw', '/proc/self/mem') or die;
    sysseek($memory, $start, 0);
    sysread($memory, $heap, $end - $start);
    my @places;
    my $pattern = pack('Q', $code);
    my $at = -1;
    while (($at = index($heap, $pattern, $at + 1)) >= 0) {
        my $context = $at - $code_at;
        next if $context < 0 or (unpack('C', substr($heap, $context, 1)) & 15) != 9;
        push @places, map { $start + $context + $_ } 0x10, 0x30, $code_at;
        # The stack info that leads to the array of contexts; the one it was pushed onto stands behind.
        for my $index (0 .. 3) {
            my $base = $start + $context - $index * $context_bytes;
            my $info = -1;
            while (($info = index($heap, pack('Q', $base), $info + 1)) >= 0) {
                my $last = unpack('l', substr($heap, $info + 0x18, 4));
                push @places, $start + $info + 8 if $last >= $index and $last < 50 and word($info + 8) == 0;
            }
        }
    }
    my $victim = B::svref_2object(\&victim);
    for (my $op = $victim->START; $$op; $op = $op->next) {
        push @places, $$op + 0x24, $$op + 0x30 if $op->isa('B::COP');
        last if $op->name eq 'unstack';
    }
    my $gv = $victim->GV;
    my $body = word($$gv - $start);
    push @places, $body + 0x20, $body + 0x28 if $body >= $start and $body < $end - 0x30;
    return @places;
}

sub break_places {
    my @places = @_;
    open(my $memory, '+<:raw', '/proc/self/mem') or die;
    while (1) {
        my $place = $places[rand @places];
        my @bad = (0, $place, $place - 8, $place + 8, 0x10, 0xdead0000, 0x7fffffffe000, ~0, 1 << 63);
        sysseek($memory, $place, 0);
        sysread($memory, my $true, 8);
        sysseek($memory, $place, 0);
        syswrite($memory, pack('Q', $bad[rand @bad]), 8);
        select(undef, undef, undef, 0.002);
        sysseek($memory, $place, 0);
        syswrite($memory, $true, 8);
    }
}

sub victim {
    threads->create(\&break_places, places())->detach;
    print "ready $$\n";
    my $x = 0;
    while (1) { $x++ }
}
victim();
