<?php
echo "ready ", getmypid(), "\n";
function leaf() { $s = 0; while (true) { $s += 1; } }
function inner() { leaf(); }
class Work { function run() { inner(); } }
$list = [2, 1];
eval('usort($list, function ($a, $b) { $f = new Fiber(function () { (new Work)->run(); }); $f->start(); });');
