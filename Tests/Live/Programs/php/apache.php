<?php
// One request of one child of Apache with PHP as a module, which never ends: the child is the program to look at.
// Apache signals its whole process group when it ends: it gets its own.
$version = PHP_MAJOR_VERSION . "." . PHP_MINOR_VERSION;
$folder = sys_get_temp_dir() . "/apache-" . getmypid();
mkdir($folder);
$probe = stream_socket_server("tcp://127.0.0.1:0");
$address = stream_socket_get_name($probe, false);
fclose($probe);
$site = __DIR__ . "/site";
$modules = "/usr/lib/apache2/modules";
file_put_contents("$folder/apache.conf", <<<CONF
ServerRoot $folder
ServerName localhost
User www-data
Group www-data
PidFile $folder/pid
Mutex file:$folder
ErrorLog $folder/log
Listen $address
LoadModule mpm_prefork_module $modules/mod_mpm_prefork.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule mime_module $modules/mod_mime.so
LoadModule php_module $modules/libphp$version.so
TypesConfig /dev/null
DocumentRoot $site
AddHandler application/x-httpd-php .php
StartServers 1
CONF);
$files = [["file", "/dev/null", "r"], ["file", "/dev/null", "w"], ["file", "/dev/null", "w"]];
$server = proc_open("exec setsid /usr/sbin/apache2 -D FOREGROUND -f $folder/apache.conf", $files, $pipes);
$socket = false;
for ($attempt = 0; $attempt < 200 && !$socket; $attempt++) {
  usleep(50000);
  $socket = @stream_socket_client("tcp://$address");
}
fwrite($socket, "GET /busy.php HTTP/1.0\r\n\r\n");
$answer = "";
while (!preg_match('/ready \d+\n/', $answer, $match) && ($part = fread($socket, 8192)) !== false && $part !== "") {
  $answer .= $part;
}
echo $match[0] ?? "no answer\n";
// Until the child is gone.
while (($part = fread($socket, 8192)) !== false && !feof($socket)) { }
proc_terminate($server);
