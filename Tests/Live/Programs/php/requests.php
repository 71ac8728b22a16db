<?php
// Two scripts by turns, as requests of one server process, which gives out the memory of a request anew to the next.
$probe = stream_socket_server("tcp://127.0.0.1:0");
$address = stream_socket_get_name($probe, false);
fclose($probe);
$files = [["file", "/dev/null", "r"], ["file", "/dev/null", "w"], ["file", "/dev/null", "w"]];
$command = "exec " . PHP_BINARY . " -d opcache.enable=0 -S $address -t " . __DIR__ . "/site";
$server = proc_open($command, $files, $pipes);
$pid = proc_get_status($server)["pid"];
for ($attempt = 0; $attempt < 200 && !@file_get_contents("http://$address/first.php"); $attempt++) {
  usleep(50000);
}
echo "ready $pid\n";
while (true) {
  foreach (["first", "second"] as $name) {
    if (@file_get_contents("http://$address/$name.php") === false) { exit; }
  }
}
