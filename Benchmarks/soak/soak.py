"""Profiles through the Collector for a long time, and as fast as they go.

    soak.py PROGRAM [--seconds 600] [--rate 50000] [--samples 5000] [--maximum-seconds 30]

OTLP comes in over HTTP, goes through memory_limiter and resource, and out by OTLP over HTTP with gzip to a back end in
Python. Two parts:

- soak: `--rate` samples a second for `--seconds`. Of that time the back end is well for a quarter, slow (100 ms an answer)
  for a quarter, failing (503) for a quarter, and well again.
- maximum: as many as four senders get through in `--maximum-seconds`, the back end well.

Prints a line of JSON every tenth of the soak and one result for each part. Loss is what was acknowledged and never
arrived; the exit code is 1 if there is any. A back end in Python is no match for the Collector: the processor time that the
Collector took, and the samples for each second of it, say what it could do.
"""

import argparse
import gzip
import http.client
import http.server
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time

from opentelemetry.proto.collector.profiles.v1development import profiles_service_pb2

PATH = "/v1development/profiles"
ANSWER = profiles_service_pb2.ExportProfilesServiceResponse().SerializeToString()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def payload(samples, seed):
    """A message like a host's: processes as resources, some thousand stacks over shared frames."""
    rng = random.Random(seed)
    request = profiles_service_pb2.ExportProfilesServiceRequest()
    tables = request.dictionary
    strings = tables.string_table
    strings.extend(["", "samples", "count", "cpu", "nanoseconds", "thread.name", "/usr/lib/libexample.so"])
    tables.mapping_table.add()
    tables.mapping_table.add(memory_start=0x1000, memory_limit=0x900000, filename_strindex=6)
    tables.function_table.add()
    tables.location_table.add()
    tables.link_table.add()
    tables.attribute_table.add()
    for index in range(1000):
        strings.append(f"namespace::function_with_a_usual_name_{seed}_{index}(int, char const*)")
        tables.function_table.add(name_strindex=len(strings) - 1)
        location = tables.location_table.add(mapping_index=1, address=0x1000 + index * 64)
        location.lines.add(function_index=index + 1, line=index % 300 + 1)
    for index in range(20):
        attribute = tables.attribute_table.add(key_strindex=5)
        attribute.value.string_value = f"worker-{index}"
    tables.stack_table.add()
    for _ in range(2000):
        tables.stack_table.add(location_indices=rng.sample(range(1, 1001), rng.randint(5, 40)))
    now = time.time_ns()
    processes = 50
    for pid in range(processes):
        resource = request.resource_profiles.add()
        for key, value in [("service.name", f"service-{pid}"), ("container.id", f"{pid:064x}")]:
            attribute = resource.resource.attributes.add(key=key)
            attribute.value.string_value = value
        profile = resource.scope_profiles.add().profiles.add(
            time_unix_nano=now, duration_nano=5_000_000_000, period=50_000_000, profile_id=rng.randbytes(16))
        profile.sample_type.type_strindex, profile.sample_type.unit_strindex = 1, 2
        profile.period_type.type_strindex, profile.period_type.unit_strindex = 3, 4
        for _ in range(samples // processes):
            profile.samples.add(
                stack_index=rng.randint(1, 2000), attribute_indices=[rng.randint(1, 20)],
                timestamps_unix_nano=[now + rng.randrange(5_000_000_000)])
    return request.SerializeToString()


class BackEnd:
    def __init__(self):
        self.samples = 0
        self.requests = 0
        self.mood = "well"
        self.lock = threading.Lock()
        back_end = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = 200
                if back_end.mood == "failing":
                    status = 503
                else:
                    if back_end.mood == "slow":
                        time.sleep(0.1)
                    if self.headers.get("Content-Encoding") == "gzip":
                        body = gzip.decompress(body)
                    request = profiles_service_pb2.ExportProfilesServiceRequest.FromString(body)
                    count = sum(len(profile.samples) for resource in request.resource_profiles
                                for scope in resource.scope_profiles for profile in scope.profiles)
                    with back_end.lock:
                        back_end.samples += count
                        back_end.requests += 1
                self.send_response(status)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(ANSWER)))
                self.end_headers()
                self.wfile.write(ANSWER)

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Collector:
    def __init__(self, program, folder, back_end_port):
        self.port = free_port()
        configuration = os.path.join(folder, "otel.json")
        self.log_path = os.path.join(folder, "log")
        json.dump({
            "receivers": {"otlp": {"protocols": {"http": {
                "endpoint": f"127.0.0.1:{self.port}", "max_request_body_size": 64 << 20}}}},
            "processors": {
                "memory_limiter": {"check_interval": "200ms", "limit_mib": 400},
                "resource": {"attributes": [{"key": "deployment.environment", "value": "soak", "action": "upsert"}]},
            },
            "exporters": {"otlp_http": {
                "endpoint": f"http://127.0.0.1:{back_end_port}",
                "retry_on_failure": {"initial_interval": "100ms", "max_interval": "1s", "max_elapsed_time": "0s"},
                "sending_queue": {"queue_size": 1000, "num_consumers": 4},
            }},
            "service": {
                "telemetry": {"metrics": {"level": "none"}},
                "pipelines": {"profiles": {
                    "receivers": ["otlp"], "processors": ["memory_limiter", "resource"], "exporters": ["otlp_http"]}},
            },
        }, open(configuration, "w"))
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            [program, "--config", configuration, "--feature-gates=service.profilesSupport"], stdout=log, stderr=log)
        end = time.monotonic() + 60
        while time.monotonic() < end and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise SystemExit(f"the Collector does not listen: {open(self.log_path).read()}")

    def resident_mib(self):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0

    def cpu_seconds(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=120)


class Senders:
    """Send the payloads in turn, at a rate or as fast as they are taken."""

    def __init__(self, port, payloads, samples, count, rate=None):
        self.accepted = self.refused = 0
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.threads = [
            threading.Thread(target=self.run, args=(port, payloads, samples, rate / count if rate else None, index))
            for index in range(count)
        ]
        for thread in self.threads:
            thread.start()

    def run(self, port, payloads, samples, rate, index):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        due = time.monotonic()
        while not self.stopping.is_set():
            if rate:
                due = max(due + samples / rate, time.monotonic() - 1)
                self.stopping.wait(max(0, due - time.monotonic()))
            index += 1
            try:
                connection.request("POST", PATH, payloads[index % len(payloads)],
                                   {"Content-Type": "application/x-protobuf"})
                response = connection.getresponse()
                response.read()
                taken = response.status == 200
            except (OSError, http.client.HTTPException):
                connection.close()
                taken = False
            with self.lock:
                if taken:
                    self.accepted += samples
                else:
                    self.refused += samples
            if not taken and not rate:
                self.stopping.wait(0.01)

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


def wait_until_arrived(back_end, accepted, seconds):
    end = time.monotonic() + seconds
    while back_end.samples < accepted and time.monotonic() < end:
        time.sleep(0.1)


def soak(arguments, folder, payloads):
    back_end = BackEnd()
    collector = Collector(arguments.program, folder, back_end.port)
    senders = Senders(collector.port, payloads, arguments.samples, 2, arguments.rate)
    start, memory, printed = time.monotonic(), [], 0
    while (passed := time.monotonic() - start) < arguments.seconds:
        quarter = int(passed / arguments.seconds * 4)
        back_end.mood = ["well", "slow", "failing", "well"][quarter]
        memory.append((quarter, collector.resident_mib()))
        if passed / arguments.seconds * 10 >= printed:
            printed += 1
            print(json.dumps({
                "seconds": round(passed), "back_end": back_end.mood, "accepted": senders.accepted,
                "refused": senders.refused, "arrived": back_end.samples, "resident_mib": round(memory[-1][1], 1),
            }), flush=True)
        time.sleep(min(0.5, arguments.seconds / 20))
    senders.stop()
    wait_until_arrived(back_end, senders.accepted, 60)
    elapsed = time.monotonic() - start
    cpu = collector.cpu_seconds()
    code = collector.stop()
    peak = [max(mib for quarter, mib in memory if quarter == wanted) for wanted in range(4)]
    result = {
        "part": "soak", "seconds": round(elapsed, 1), "accepted": senders.accepted, "refused": senders.refused,
        "accepted_per_second": round(senders.accepted / arguments.seconds), "arrived": back_end.samples,
        "lost": max(0, senders.accepted - back_end.samples), "cpu_share": round(cpu / elapsed, 3),
        "peak_resident_mib_by_quarter": [round(mib, 1) for mib in peak], "exit": code,
    }
    print(json.dumps(result), flush=True)
    return result["lost"] == 0 and code == 0


def maximum(arguments, folder, payloads):
    back_end = BackEnd()
    collector = Collector(arguments.program, folder, back_end.port)
    start = time.monotonic()
    senders = Senders(collector.port, payloads, arguments.samples, 4)
    time.sleep(arguments.maximum_seconds)
    taken, arrived, cpu = senders.accepted, back_end.samples, collector.cpu_seconds()
    elapsed = time.monotonic() - start
    senders.stop()
    wait_until_arrived(back_end, senders.accepted, 60)
    code = collector.stop()
    result = {
        "part": "maximum", "seconds": round(elapsed, 1), "accepted_per_second": round(taken / elapsed),
        "arrived_per_second": round(arrived / elapsed), "collector_cpus": round(cpu / elapsed, 2),
        "samples_per_collector_cpu_second": round(arrived / max(cpu, 0.01)),
        "lost": max(0, senders.accepted - back_end.samples), "exit": code,
    }
    print(json.dumps(result), flush=True)
    return result["lost"] == 0 and code == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--rate", type=int, default=50_000)
    parser.add_argument("--samples", type=int, default=5_000, help="of one request")
    parser.add_argument("--maximum-seconds", type=float, default=30)
    arguments = parser.parse_args()
    payloads = [payload(arguments.samples, seed) for seed in range(4)]
    print(json.dumps({"request_bytes": len(payloads[0]), "samples": arguments.samples}), flush=True)
    good = True
    for part in [soak, maximum]:
        with tempfile.TemporaryDirectory() as folder:
            good = part(arguments, folder, payloads) and good
    sys.exit(0 if good else 1)


main()
