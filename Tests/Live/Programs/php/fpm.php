<?php
// One request of one worker of FPM, which never ends: the worker is the program to look at.
$version = PHP_MAJOR_VERSION . "." . PHP_MINOR_VERSION;
$folder = sys_get_temp_dir() . "/fpm-" . getmypid();
mkdir($folder);
file_put_contents("$folder/fpm.conf", <<<CONF
[global]
error_log = $folder/log
daemonize = no
[www]
user = root
listen = $folder/socket
pm = static
pm.max_children = 1
CONF);
$files = [["file", "/dev/null", "r"], ["file", "/dev/null", "w"], ["file", "/dev/null", "w"]];
$jit = "-d opcache.jit_buffer_size=32M -d opcache.jit=tracing";
$server = proc_open("exec /usr/sbin/php-fpm$version $jit -R -F -y $folder/fpm.conf", $files, $pipes);
for ($attempt = 0; $attempt < 200 && !file_exists("$folder/socket"); $attempt++) { usleep(50000); }
$socket = stream_socket_client("unix://$folder/socket");
// FastCGI: version, type, request, length, padding; a responder, its parameters, no input.
function record($type, $content) { return pack("CCnnCC", 1, $type, 1, strlen($content), 0, 0) . $content; }
$parameters = "";
foreach (["SCRIPT_FILENAME" => __DIR__ . "/site/busy.php", "REQUEST_METHOD" => "GET"] as $name => $value) {
  $parameters .= pack("CC", strlen($name), strlen($value)) . $name . $value;
}
fwrite($socket, record(1, pack("nCx5", 1, 0)) . record(4, $parameters) . record(4, "") . record(5, ""));
$answer = "";
while (!preg_match('/ready \d+\n/', $answer, $match) && ($part = fread($socket, 8192)) !== false && $part !== "") {
  $answer .= $part;
}
echo $match[0] ?? "no answer\n";
// Until the worker is gone.
while (($part = fread($socket, 8192)) !== false && !feof($socket)) { }
proc_terminate($server);
