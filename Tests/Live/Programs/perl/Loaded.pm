package Loaded;
use strict;
# Code of the file itself, which runs while it is loaded.
BEGIN {
    eval "use Used qw(something); 1" or die $@;
}
1;
