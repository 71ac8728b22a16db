<?php
function spin() { $s = 0; while (true) { $s += 1; } }
class Base { function __call($name, $arguments) { spin(); } }
(new Base)->anything();
