<?php
class Page {
  function render($n) { $s = 0; for ($i = 0; $i < $n; $i++) { $s += $i % 7; } return $s; }
  static function show() { return array_map(function ($n) { return (new self)->render($n); }, [PHP_INT_MAX]); }
}
set_time_limit(0);
while (ob_get_level()) { ob_end_flush(); }
echo "ready ", getmypid(), "\n", str_repeat(" ", 65536), "\n";
flush();
Page::show();
