package Used;
sub leaf { my $x = 0; while (1) { $x++ } }
sub import { leaf() }
deep();
sub deep { return 1 }
1;
