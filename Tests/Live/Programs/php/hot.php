<?php
echo "ready ", getmypid(), "\n";
function fib($n) { return $n < 2 ? $n : fib($n - 1) + fib($n - 2); }
class Sorter {
  function order($list) { usort($list, function ($a, $b) { return $a <=> $b; }); return $list; }
}
$sorter = new Sorter;
$list = range(200, 1);
while (true) {
  fib(23);
  for ($i = 0; $i < 30; $i++) $sorter->order($list);
}
