"""What a persistent queue promises, tried out on the real program.

    chaos.py kill PROGRAM --seconds N --seed N
        Sends profiles to the Collector while the Collector is killed (SIGKILL) and its back end goes away and comes back,
        both at random moments. At the end everything runs. What the Collector acknowledged must have arrived.
    chaos.py full PROGRAM
        The queue's file system is full (a small tmpfs; needs root and a mount namespace of its own).
    chaos.py damaged PROGRAM
        A byte in the middle of a stored queue is changed between two runs.

Each prints one JSON object: counts, and `log` with the Collector's errors. The back end compares every message with what
was sent: nothing may arrive that is not a whole batch as it was.
"""

import argparse
import gzip
import http.client
import http.server
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from opentelemetry.proto.collector.profiles.v1development import profiles_service_pb2

PADDING = 200
PATH = "/v1development/profiles"
Request = profiles_service_pb2.ExportProfilesServiceRequest
Response = profiles_service_pb2.ExportProfilesServiceResponse


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class BackEnd:
    """Takes profiles while it is up; remembers the ids of the batches that arrived."""

    def __init__(self):
        self.port = free_port()
        self.arrived = {}
        self.broken = 0
        self.lock = threading.Lock()
        self.server = None

    def up(self):
        if self.server:
            return
        back_end = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                back_end.take(Request.FromString(body))
                answer = Response().SerializeToString()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *arguments):
                pass

        class Server(http.server.ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = True

            def handle_error(self, request, address):
                pass  # clients are killed here

        self.server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def down(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def take(self, request):
        number = int.from_bytes(request.resource_profiles[0].scope_profiles[0].profiles[0].profile_id[:8], "big")
        with self.lock:
            if request.SerializeToString(deterministic=True) != batch(number).SerializeToString(deterministic=True):
                self.broken += 1
            self.arrived[number] = self.arrived.get(number, 0) + 1


def batch(number):
    """A batch that its number determines."""
    request = Request()
    request.dictionary.string_table.extend(["", f"batch-{number}", "x" * PADDING])
    request.dictionary.stack_table.add()
    request.dictionary.location_table.add()
    request.dictionary.mapping_table.add()
    request.dictionary.function_table.add()
    request.dictionary.link_table.add()
    request.dictionary.attribute_table.add()
    scope = request.resource_profiles.add().scope_profiles.add()
    for index in range(3):
        profile = scope.profiles.add()
        profile.profile_id = number.to_bytes(8, "big") + index.to_bytes(8, "big")
        profile.samples.add().values.append(number)
    return request


class Collector:
    def __init__(self, program, folder, back_end, storage, queue_size=100_000):
        self.program = program
        self.port = free_port()
        self.log_path = os.path.join(folder, "log")
        self.configuration = os.path.join(folder, "otel.json")
        json.dump({
            "extensions": {"file_storage": {"directory": storage, "create_directory": True}},
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{self.port}"}}}},
            "exporters": {"otlp_http": {
                "endpoint": f"http://127.0.0.1:{back_end.port}",
                "retry_on_failure": {"initial_interval": "50ms", "max_interval": "200ms"},
                "sending_queue": {"storage": "file_storage", "queue_size": queue_size, "num_consumers": 4},
            }},
            "service": {
                "extensions": ["file_storage"],
                "telemetry": {"metrics": {"level": "none"}, "logs": {"sampling": None}},
                "pipelines": {"profiles": {"receivers": ["otlp"], "exporters": ["otlp_http"]}},
            },
        }, open(self.configuration, "w"))
        self.process = None

    def start(self):
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            [self.program, "--config", self.configuration, "--feature-gates=service.profilesSupport"],
            stdout=log, stderr=log)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise SystemExit(f"the Collector ended with {self.process.returncode}: {self.log()}")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise SystemExit("the Collector does not listen")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """The exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.kill()
            return -9

    def send(self, number):
        """Whether the batch was acknowledged; None if nobody can know."""
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
            connection.request("POST", PATH, batch(number).SerializeToString(),
                               {"Content-Type": "application/x-protobuf"})
            status = connection.getresponse().status
            connection.close()
            return status == 200
        except (OSError, http.client.HTTPException):
            return None

    def log(self):
        return open(self.log_path, errors="replace").read()

    def errors(self):
        return [line for line in self.log().splitlines() if "\terror\t" in line]


def wait_for(condition, seconds):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)


def kill(arguments, folder):
    rng = random.Random(arguments.seed)
    back_end = BackEnd()
    collector = Collector(arguments.program, folder, back_end, os.path.join(folder, "queue"))
    collector.start()
    acknowledged, sent, stopping = set(), [0], threading.Event()
    lock = threading.Lock()

    def sender():
        while not stopping.is_set():
            with lock:
                sent[0] += 1
                number = sent[0]
            if collector.send(number):
                with lock:
                    acknowledged.add(number)
            else:
                time.sleep(0.02)

    def weather():
        while not stopping.is_set():
            back_end.up()
            stopping.wait(rng.uniform(0.2, 2))
            back_end.down()
            outages[0] += 1
            stopping.wait(rng.uniform(0.2, 2))

    kills, outages = 0, [0]
    threads = [threading.Thread(target=sender) for _ in range(4)] + [threading.Thread(target=weather)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + arguments.seconds
    while time.monotonic() < end:
        time.sleep(rng.uniform(0.1, 1.5))
        collector.kill()
        kills += 1
        collector.start()
    stopping.set()
    for thread in threads:
        thread.join()
    back_end.up()
    wait_for(lambda: acknowledged <= back_end.arrived.keys(), 60)
    code = collector.stop()
    return {
        "kills": kills, "outages": outages[0], "sent": sent[0], "acknowledged": len(acknowledged),
        "lost": len(acknowledged - back_end.arrived.keys()), "broken": back_end.broken,
        "repeated": sum(1 for count in back_end.arrived.values() if count > 1), "exit": code, "log": [],
    }


def full(arguments, folder):
    global PADDING
    PADDING = 4000  # some hundred batches fill the file system
    storage = os.path.join(folder, "small")
    os.mkdir(storage)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", storage], check=True)
    back_end = BackEnd()
    collector = Collector(arguments.program, folder, back_end, storage)
    collector.start()
    acknowledged, refused = set(), 0
    for number in range(1, 2000):
        answer = collector.send(number)
        if answer:
            acknowledged.add(number)
        elif answer is None:
            break
        else:
            refused += 1
            if refused >= 20:
                break
    alive = collector.process.poll() is None
    back_end.up()
    wait_for(lambda: acknowledged <= back_end.arrived.keys(), 60)
    # With the queue empty there is room again.
    afterwards = 0
    for number in range(5000, 5010):
        if collector.send(number):
            afterwards += 1
            acknowledged.add(number)
    wait_for(lambda: acknowledged <= back_end.arrived.keys(), 30)
    code = collector.stop()
    return {
        "acknowledged": len(acknowledged), "refused": refused, "alive": alive, "afterwards": afterwards,
        "lost": len(acknowledged - back_end.arrived.keys()), "broken": back_end.broken, "exit": code,
        "log": collector.errors(),
    }


def damaged(arguments, folder):
    storage = os.path.join(folder, "queue")
    back_end = BackEnd()
    collector = Collector(arguments.program, folder, back_end, storage)
    collector.start()
    acknowledged = {number for number in range(1, 201) if collector.send(number)}
    collector.kill()
    files = [os.path.join(base, name) for base, _, names in os.walk(storage) for name in names]
    largest = max(files, key=os.path.getsize)
    with open(largest, "r+b") as file:
        file.seek(os.path.getsize(largest) // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 0xFF]))
    before = len(collector.errors())
    back_end.up()
    collector.start()
    wait_for(lambda: len(back_end.arrived) >= len(acknowledged) - 1, 60)
    new = 1000
    afterwards = bool(collector.send(new))
    wait_for(lambda: new in back_end.arrived, 30)
    code = collector.stop()
    return {
        "acknowledged": len(acknowledged), "arrived": len(back_end.arrived.keys() & acknowledged),
        "lost": len(acknowledged - back_end.arrived.keys()), "broken": back_end.broken, "afterwards": afterwards,
        "exit": code, "log": collector.errors()[before:],
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("scenario", choices=["kill", "full", "damaged"])
    parser.add_argument("program")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            result = {"kill": kill, "full": full, "damaged": damaged}[arguments.scenario](arguments, folder)
            print(json.dumps(result), flush=True)
        finally:
            subprocess.run(["umount", os.path.join(folder, "small")], stderr=subprocess.DEVNULL, check=False)


main()
sys.exit(0)
