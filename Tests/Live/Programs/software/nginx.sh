. "$(dirname "$0")/common.sh"
mkdir -p html temporary
i=0; while [ $i -lt 300 ]; do echo "<p>paragraph $i of a page that is worth compressing</p>"; i=$((i + 1)); done >html/index.html
cat >nginx.conf <<END
daemon off; master_process on; worker_processes 1; pid $work/pid; error_log $work/error.log;
events {}
http { access_log $work/access.log; gzip on; gzip_types text/html;
  client_body_temp_path $work/temporary; proxy_temp_path $work/temporary; fastcgi_temp_path $work/temporary;
  uwsgi_temp_path $work/temporary; scgi_temp_path $work/temporary;
  server { listen 127.0.0.1:18973; root $work/html; } }
END
chmod -R a+rX .
nginx -c "$work/nginx.conf" -p "$work" >log 2>&1 &
children=$!
sleep 1
ready
wrk -t 1 -c 8 -d "${seconds}s" -H 'Accept-Encoding: gzip' http://127.0.0.1:18973/ >>log 2>&1
