<?php
echo "ready ", getmypid(), "\n";
function busy() { $s = 0; for ($i = 0; $i < 100000; $i++) { $s += $i % 7; } return $s; }
function fail($n) { if ($n == 0) { throw new RuntimeException("x"); } fail($n - 1); }
function work() { try { fail(3); } finally { busy(); } }
while (true) {
  try { work(); } catch (RuntimeException $e) { busy(); }
}
