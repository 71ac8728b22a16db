<?php
// Pages of a template engine, served by FPM with opcache's compiler, one request after another.
$version = PHP_MAJOR_VERSION . "." . PHP_MINOR_VERSION;
$folder = sys_get_temp_dir() . "/twig-" . getmypid();
mkdir("$folder/templates", 0755, true);
file_put_contents("$folder/templates/page.html", <<<'TWIG'
{% extends "base.html" %}{% block body %}{% for row in rows %}<li class="{{ cycle(["a", "b"], loop.index) }}">
{{ row.name|upper|escape }} {{ row.price|number_format(2) }} {% if row.tags %}{{ row.tags|join(", ") }}{% endif %}</li>
{% endfor %}{% endblock %}
TWIG);
file_put_contents("$folder/templates/base.html", "<html><ul>{% block body %}{% endblock %}</ul></html>");
file_put_contents("$folder/page.php", <<<'PHP'
<?php
require "/usr/share/php/Twig/autoload.php";
$loader = new \Twig\Loader\FilesystemLoader(__DIR__ . "/templates");
$twig = new \Twig\Environment($loader, ["cache" => __DIR__ . "/cache"]);
$rows = array_map(fn($n) => ["name" => "row <$n>", "price" => $n / 7, "tags" => ["x", "y$n"]], range(1, 200));
echo strlen($twig->render("page.html", ["rows" => $rows]));
PHP);
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
// FastCGI: version, type, request, length, padding; a responder, its parameters, no input.
function record($type, $content) { return pack("CCnnCC", 1, $type, 1, strlen($content), 0, 0) . $content; }
$parameters = "";
foreach (["SCRIPT_FILENAME" => "$folder/page.php", "REQUEST_METHOD" => "GET"] as $name => $value) {
  $parameters .= pack("CC", strlen($name), strlen($value)) . $name . $value;
}
$request = record(1, pack("nCx5", 1, 0)) . record(4, $parameters) . record(4, "") . record(5, "");
for ($count = 0; ; $count++) {
  $socket = stream_socket_client("unix://$folder/socket");
  fwrite($socket, $request);
  $answer = stream_get_contents($socket);
  if ($count === 20) { echo preg_match('/\r\n\r\n\d{4}/', $answer) ? "ready\n" : "no answer: $answer\n"; }
}
