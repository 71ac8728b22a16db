<?php
class Other { function turn($n) { $s = 0; for ($i = 0; $i < $n; $i++) { $s += $i % 5; } return $s; } }
function other_work() { return (new Other)->turn(300000); }
echo other_work();
