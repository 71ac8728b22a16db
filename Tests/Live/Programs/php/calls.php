<?php
namespace App; echo "ready ", getmypid(), "\n";
class P {
  function leaf($n) { $s=0; for($i=0;$i<$n;$i++){ $s+= $i % 7; } return $s; }
  static function a($x){ return (new self)->leaf(PHP_INT_MAX); }
}
function c($n){ if($n==0){ return array_map(function($x){ return P::a($x); }, [1]); } return c($n-1); }
function gen(){ yield c(2); }
foreach (gen() as $v) { echo 1; }
