<?php
// Breaks the chain of its own frames at random, as the profiler follows it: frames that nothing returns to are linked to
// themselves, to unmapped memory, to functions that are none.
echo "ready ", getmypid(), "\n";
$ffi = FFI::cdef("extern uint64_t executor_globals[256];");
function at($address) {
  global $ffi;
  $place = $ffi->new("uint64_t");
  $place->cdata = $address;
  return $ffi->cast("uint64_t*", $place);
}
function spoil() {
  global $ffi;
  $current = $ffi->executor_globals[(PHP_VERSION_ID < 80500 ? 488 : 512) >> 3];
  $middle = at($current)[6];
  $frame = at($middle);
  $function = at($frame[3]);
  $bad = [$middle, 0, 0x10, 0xdead0000, PHP_INT_MIN, $middle + 8, $frame[6] ^ 0x10, 0x7fffffffe000, $frame[3], $frame[0]];
  $words = [[$frame, 0], [$frame, 3], [$frame, 4], [$frame, 5], [$frame, 6], [$function, 1], [$function, 2]];
  for ($i = 0; ; $i++) {
    list($place, $word) = $words[mt_rand(0, count($words) - 1)];
    $true = $place[$word];
    $place[$word] = $bad[mt_rand(0, count($bad) - 1)];
    for ($n = 0; $n < 20000; $n++) { }
    $place[$word] = $true;
    for ($n = 0; $n < 20000; $n++) { }
  }
}
function middle() { spoil(); }
function outer() { middle(); }
outer();
