<?php
echo "ready ", getmypid(), "\n";
function leaf() { $s = 0; while (true) { $s += 1; } }
function inner() { yield 1; leaf(); yield 2; }
function middle() { yield 0; yield from inner(); }
function outer() { yield from middle(); }
foreach (outer() as $value) { }
