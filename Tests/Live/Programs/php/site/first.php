<?php
class First { function spin($n) { $s = 0; for ($i = 0; $i < $n; $i++) { $s += $i % 7; } return $s; } }
function first_work() { return (new First)->spin(300000); }
echo first_work();
