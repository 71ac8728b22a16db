"""A debuginfod server for tests: server.py FOLDER. Prints its port, then a line for each request that it has answered.

FOLDER/BUILD-ID is what it has. The first part of the path chooses how it answers: ok, slow (a byte a second), endless
(never stops), large (announces a terabyte), wrong (another file), broken (status 500), late (after half a second).
"""
import http.server, os, re, sys, threading, time

folder = sys.argv[1]
lock = threading.Lock()
active = most = 0


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        global active, most
        with lock:
            active += 1
            most = max(most, active)
        try:
            self.answer()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            with lock:
                active -= 1
            print(f"{self.path} {most} {self.headers.get('x-debuginfod-maxsize')}", flush=True)

    def answer(self):
        match = re.fullmatch(r"/(\w+)/buildid/([0-9a-f]+)/debuginfo", self.path)
        path = match and os.path.join(folder, match[2])
        way = match and match[1]
        if way == "broken":
            return self.send(500, b"")
        if way == "late":
            time.sleep(0.5)
        if way == "endless":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            while True:
                self.wfile.write(b"10000\r\n" + bytes(65536) + b"\r\n")
        if not path or not os.path.exists(path):
            return self.send(404, b"not found")
        data = open(path, "rb").read()
        if way == "wrong":
            data = open("/bin/true", "rb").read()
        if way in ("slow", "large"):
            self.send_response(200)
            self.send_header("Content-Length", str(len(data) if way == "slow" else 1 << 40))
            self.end_headers()
            for byte in data:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(1)
        self.send(200, data)

    def send(self, status, data):
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(server.server_address[1], flush=True)
server.serve_forever()
