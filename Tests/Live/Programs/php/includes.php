<?php
echo "ready ", getmypid(), "\n";
include __DIR__ . "/included.php";
