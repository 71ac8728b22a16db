"""A forward proxy for tests, made of sockets alone: tunnels by CONNECT (RFC 9110, section 9.3.6). Every name leads to
this machine, so that names which nobody else knows prove the way that a request took.

Prints one JSON object a line: {"event": "listening", "port": PORT}, then for each request
{"event": "request", "method": …, "target": …, "authorization": value of Proxy-Authorization or null}.
Ends with its parent.
"""

import json
import os
import socket
import socketserver
import threading
import time


def emit(**event):
    with emit.lock:
        print(json.dumps(event), flush=True)


emit.lock = threading.Lock()


def relay(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    try:
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        received = b""
        while b"\r\n\r\n" not in received:
            data = self.request.recv(65536)
            if not data:
                return
            received += data
        head, _, rest = received.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        fields = [tuple(line.split(": ", 1)) for line in lines[1:]]
        authorization = dict((name.lower(), value) for name, value in fields).get("proxy-authorization")
        emit(event="request", method=method, target=target, authorization=authorization)
        if method != "CONNECT":
            self.request.sendall(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
            return
        server = socket.create_connection(("127.0.0.1", int(target.rsplit(":", 1)[1])))
        self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        server.sendall(rest)
        upward = threading.Thread(target=relay, args=(self.request, server), daemon=True)
        upward.start()
        relay(server, self.request)
        self.request.close()
        server.close()


def main():
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    emit(event="listening", port=server.server_address[1])
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


main()
