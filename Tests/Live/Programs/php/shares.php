<?php
// PHP's own word on which functions it is in, whenever another process asks: counts of samples by function, at the end.
function work($n) { $x = 0; for ($i = 0; $i < $n; $i++) { $x += $i; } return $x; }
function often() { work(6000); }
function seldom() { work(3000); }
function rarely() { work(1000); }
function turn() { often(); seldom(); rarely(); }
$counts = [];
$total = 0;
function sampled() {
  global $counts, $total;
  $total++;
  foreach (array_unique(array_column(debug_backtrace(DEBUG_BACKTRACE_IGNORE_ARGS), "function")) as $name) {
    $counts[$name] = ($counts[$name] ?? 0) + 1;
  }
}
pcntl_async_signals(true);
pcntl_signal(SIGUSR1, function () { sampled(); });
$parent = getmypid();
$asking = pcntl_fork();
if ($asking === 0) { while (posix_kill($parent, SIGUSR1)) { usleep(5000); } exit; }
echo "ready ", getmypid(), "\n";
$finish = microtime(true) + (float)$argv[1];
while (microtime(true) < $finish) { turn(); }
posix_kill($asking, SIGKILL);
echo "total $total\n";
foreach (["work", "often", "seldom", "rarely", "turn"] as $name) { echo "$name ", $counts[$name] ?? 0, "\n"; }
echo "end\n";
