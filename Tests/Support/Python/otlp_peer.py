"""An independent OTLP peer for tests: Python's own messages, gRPC and HTTP servers.

    otlp_peer.py receive [--answers JSON] [--certificate FILE --key FILE]
        Listens for gRPC and HTTP on ephemeral ports of 127.0.0.1 and prints one JSON object a line: first
        {"event": "listening", "grpc": PORT, "http": PORT}, then one per export with the request as it was decoded and
        serialized again (base64). Answers are taken from the list, one per export; then every export succeeds:
        "ok", "partial", "garbage" (HTTP: an unreadable success), "hang",
        {"grpc": "UNAVAILABLE", "retry_seconds": 0.1}, {"http": 503, "retry_after": "1", "message": "…"},
        {"set_cookie": ["a=b"]} (HTTP: a success that sets them).
        Ends with its parent.
    otlp_peer.py send SIGNAL FILE --grpc PORT | --http PORT [--path PATH] [--json] [--compression NAME]
                      [--repeat N] [--header NAME=VALUE]... [--authority FILE] [--certificate FILE --key FILE]
        Sends the request in the file, N times its content (a message repeated is a message concatenated), to
        localhost, and prints {"code": …, "message": …, "retry_seconds" or "retry_after": …, "body": base64}; the code
        is gRPC's name or HTTP's number.
    otlp_peer.py json-to-wire SIGNAL FILE     OTLP/JSON in the file to base64 of the message
    otlp_peer.py wire-to-json SIGNAL FILE     the other way round
"""

import argparse
import base64
import gzip
import http.client
import http.server
import json
import os
import ssl
import subprocess
import threading
import zlib
from concurrent import futures

from google.protobuf import any_pb2, duration_pb2, json_format
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.profiles.v1development import profiles_service_pb2, profiles_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

REQUESTS = {
    "traces": trace_service_pb2.ExportTraceServiceRequest,
    "metrics": metrics_service_pb2.ExportMetricsServiceRequest,
    "logs": logs_service_pb2.ExportLogsServiceRequest,
    "profiles": profiles_service_pb2.ExportProfilesServiceRequest,
}
RESPONSES = {
    "traces": trace_service_pb2.ExportTraceServiceResponse,
    "metrics": metrics_service_pb2.ExportMetricsServiceResponse,
    "logs": logs_service_pb2.ExportLogsServiceResponse,
    "profiles": profiles_service_pb2.ExportProfilesServiceResponse,
}
PATHS = {
    "/v1/traces": "traces",
    "/v1/metrics": "metrics",
    "/v1/logs": "logs",
    "/v1development/profiles": "profiles",
}
REJECTED = {
    "traces": "rejected_spans",
    "metrics": "rejected_data_points",
    "logs": "rejected_log_records",
    "profiles": "rejected_profiles",
}
IDENTIFIERS = {"traceId", "spanId", "parentSpanId", "profileId"}

# Modules and endings of functions of the package cramjam.
CODECS = {"snappy": ("snappy", "_raw"), "x-snappy-framed": ("snappy", ""), "lz4": ("lz4", "")}


def codec(name, direction, body):
    import cramjam

    module, ending = CODECS[name]
    return bytes(getattr(getattr(cramjam, module), direction + ending)(body))


def emit(**event):
    with emit.lock:
        print(json.dumps(event), flush=True)


emit.lock = threading.Lock()


def identifiers(value, convert):
    """The one thing in which OTLP/JSON is not Protocol Buffers' JSON."""
    if isinstance(value, dict):
        return {k: convert(v) if k in IDENTIFIERS else identifiers(v, convert) for k, v in value.items()}
    if isinstance(value, list):
        return [identifiers(element, convert) for element in value]
    return value


def from_otlp_json(signal, text):
    tree = identifiers(json.loads(text), lambda digits: base64.b64encode(bytes.fromhex(digits)).decode())
    return json_format.ParseDict(tree, REQUESTS[signal]())


def to_otlp_json(message):
    tree = json_format.MessageToDict(message, use_integers_for_enums=True)
    return json.dumps(identifiers(tree, lambda text: base64.b64decode(text).hex()))


def wire(message):
    return base64.b64encode(message.SerializeToString(deterministic=True)).decode()


class Answers:
    def __init__(self, answers):
        self.answers = list(answers)
        self.lock = threading.Lock()

    def next(self):
        with self.lock:
            return self.answers.pop(0) if self.answers else "ok"

    @staticmethod
    def success(signal, answer):
        response = RESPONSES[signal]()
        if answer == "partial":
            response.partial_success.error_message = "some are bad"
            setattr(response.partial_success, REJECTED[signal], 2)
        return response


def status(code, message, retry_seconds=None):
    """google.rpc.Status by hand: Python's package of it is not needed for these three fields."""
    def varint(number):
        out = b""
        while number > 0x7F:
            out += bytes([number & 0x7F | 0x80])
            number >>= 7
        return out + bytes([number])

    body = b"\x08" + varint(code) + b"\x12" + varint(len(message.encode())) + message.encode()
    if retry_seconds is not None:
        delay = duration_pb2.Duration(
            seconds=int(retry_seconds), nanos=int(retry_seconds % 1 * 1e9)).SerializeToString()
        detail = any_pb2.Any(
            type_url="type.googleapis.com/google.rpc.RetryInfo",
            value=b"\x0a" + varint(len(delay)) + delay).SerializeToString()
        body += b"\x1a" + varint(len(detail)) + detail
    return body


def serve_grpc(answers, credentials):
    import grpc

    def servicer(signal, base):
        class Servicer(base):
            def Export(self, request, context):
                emit(event="export", transport="grpc", signal=signal, message=wire(request),
                     headers={k: v for k, v in context.invocation_metadata() if isinstance(v, str)},
                     remaining_seconds=context.time_remaining())
                answer = answers.next()
                if answer == "hang":
                    stopped.wait(30)
                if isinstance(answer, dict):
                    code = getattr(grpc.StatusCode, answer["grpc"])
                    if "retry_seconds" in answer:
                        context.set_trailing_metadata((
                            ("grpc-status-details-bin", status(code.value[0], "later", answer["retry_seconds"])),))
                    context.abort(code, "not now")
                return Answers.success(signal, answer)
        return Servicer()

    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=8),
        options=[("grpc.max_receive_message_length", 64 << 20), ("grpc.so_reuseport", 0)])
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(
        servicer("traces", trace_service_pb2_grpc.TraceServiceServicer), server)
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(
        servicer("metrics", metrics_service_pb2_grpc.MetricsServiceServicer), server)
    logs_service_pb2_grpc.add_LogsServiceServicer_to_server(
        servicer("logs", logs_service_pb2_grpc.LogsServiceServicer), server)
    profiles_service_pb2_grpc.add_ProfilesServiceServicer_to_server(
        servicer("profiles", profiles_service_pb2_grpc.ProfilesServiceServicer), server)
    if credentials:
        certificate, key = (open(path, "rb").read() for path in credentials)
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, certificate)]))
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def serve_http(answers, credentials):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def answer(self, code, body, kind, headers=()):
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            encoding = self.headers.get("Content-Encoding", "")
            signal = PATHS.get(self.path)
            kind = self.headers.get("Content-Type", "")
            if signal is None:
                emit(event="unknown path", path=self.path)
                return self.answer(404, b"no such path", "text/plain")
            if encoding == "gzip":
                body = gzip.decompress(body)
            elif encoding in ("zlib", "deflate"):
                body = zlib.decompress(body)
            elif encoding in CODECS:
                body = codec(encoding, "decompress", body)
            elif encoding == "zstd":
                body = subprocess.run(["zstd", "-q", "-d", "-c"], input=body, stdout=subprocess.PIPE, check=True).stdout
            is_json = kind == "application/json"
            request = from_otlp_json(signal, body) if is_json else REQUESTS[signal].FromString(body)
            emit(event="export", transport="http", signal=signal, message=wire(request), encoding=encoding,
                 content_type=kind, headers={k.lower(): v for k, v in self.headers.items()})
            answer = answers.next()
            if answer == "hang":
                stopped.wait(30)
            if answer == "garbage":
                return self.answer(200, b"\xff\xff\xff", "application/x-protobuf")
            cookies = []
            if isinstance(answer, dict) and "set_cookie" in answer:
                cookies = [("Set-Cookie", cookie) for cookie in answer["set_cookie"]]
            elif isinstance(answer, dict):
                headers = [("Retry-After", answer["retry_after"])] if "retry_after" in answer else []
                failure = status(14, answer.get("message", "not now"))
                return self.answer(answer["http"], failure, "application/x-protobuf", headers)
            response = Answers.success(signal, answer)
            text = to_otlp_json(response).encode() if is_json else response.SerializeToString()
            self.answer(200, text, kind, cookies)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if credentials:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*credentials)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, server.server_address[1]


def compressed(body, coding):
    if coding == "gzip":
        return gzip.compress(body)
    if coding in ("deflate", "zlib"):
        return zlib.compress(body)
    if coding in CODECS:
        return codec(coding, "compress", body)
    if coding == "zstd":
        return subprocess.run(["zstd", "-q", "-c"], input=body, stdout=subprocess.PIPE, check=True).stdout
    return body


def send_grpc(arguments, request, headers):
    import grpc

    stubs = {
        "traces": trace_service_pb2_grpc.TraceServiceStub,
        "metrics": metrics_service_pb2_grpc.MetricsServiceStub,
        "logs": logs_service_pb2_grpc.LogsServiceStub,
        "profiles": profiles_service_pb2_grpc.ProfilesServiceStub,
    }
    target = f"localhost:{arguments.grpc}"
    if arguments.authority:
        read = lambda path: open(path, "rb").read() if path else None
        credentials = grpc.ssl_channel_credentials(
            read(arguments.authority), read(arguments.key), read(arguments.certificate))
        channel = grpc.secure_channel(target, credentials)
    else:
        channel = grpc.insecure_channel(target)
    compression = {"gzip": grpc.Compression.Gzip, "deflate": grpc.Compression.Deflate}.get(
        arguments.compression, grpc.Compression.NoCompression)
    with channel:
        try:
            response = stubs[arguments.signal](channel).Export(
                request, timeout=30, compression=compression, metadata=[(k.lower(), v) for k, v in headers])
            emit(code="OK", message="", body=wire(response))
        except grpc.RpcError as error:
            result = {"code": error.code().name, "message": error.details()}
            for key, value in error.trailing_metadata() or ():
                if key == "grpc-status-details-bin":
                    result["retry_seconds"] = retry_seconds(value)
            emit(**result)


def retry_seconds(status_bytes):
    """The delay of a RetryInfo in a google.rpc.Status, found by its fields' numbers: 3 details, 2 value, 1 delay."""
    def field(data, wanted):
        position = 0
        def varint():
            nonlocal position
            result = shift = 0
            while True:
                byte = data[position]
                position += 1
                result |= (byte & 0x7F) << shift
                shift += 7
                if not byte & 0x80:
                    return result
        while position < len(data):
            tag = varint()
            if tag & 7 == 0:
                varint()
                continue
            length = varint()
            content = data[position:position + length]
            position += length
            if tag >> 3 == wanted:
                return content
        return b""
    delay = duration_pb2.Duration.FromString(field(field(field(status_bytes, 3), 2), 1))
    return delay.seconds + delay.nanos / 1e9


def send_http(arguments, request, headers):
    if arguments.authority:
        context = ssl.create_default_context(cafile=arguments.authority)
        if arguments.certificate:
            context.load_cert_chain(arguments.certificate, arguments.key)
        connection = http.client.HTTPSConnection("localhost", arguments.http, context=context, timeout=30)
    else:
        connection = http.client.HTTPConnection("localhost", arguments.http, timeout=30)
    kind = "application/json" if arguments.json else "application/x-protobuf"
    body = to_otlp_json(request).encode() if arguments.json else request.SerializeToString()
    fields = {"Content-Type": kind, **dict(headers)}
    if arguments.compression:
        fields["Content-Encoding"] = arguments.compression
        body = compressed(body, arguments.compression)
    path = arguments.path or {signal: path for path, signal in PATHS.items()}[arguments.signal]
    connection.request("POST", path, body, fields)
    response = connection.getresponse()
    answer = response.read()
    result = {"code": str(response.status), "message": "", "body": base64.b64encode(answer).decode(),
              "content_type": response.getheader("Content-Type")}
    if response.getheader("Retry-After"):
        result["retry_after"] = response.getheader("Retry-After")
    emit(**result)


stopped = threading.Event()


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    receive = commands.add_parser("receive")
    receive.add_argument("--answers", default="[]")
    receive.add_argument("--certificate")
    receive.add_argument("--key")
    send = commands.add_parser("send")
    send.add_argument("signal", choices=sorted(REQUESTS))
    send.add_argument("file")
    send.add_argument("--grpc", type=int)
    send.add_argument("--http", type=int)
    send.add_argument("--path")
    send.add_argument("--json", action="store_true")
    send.add_argument("--compression")
    send.add_argument("--repeat", type=int, default=1)
    send.add_argument("--header", action="append", default=[])
    send.add_argument("--authority")
    send.add_argument("--certificate")
    send.add_argument("--key")
    for name in ["json-to-wire", "wire-to-json"]:
        command = commands.add_parser(name)
        command.add_argument("signal", choices=sorted(REQUESTS))
        command.add_argument("file")
    arguments = parser.parse_args()

    if arguments.command == "json-to-wire":
        print(wire(from_otlp_json(arguments.signal, open(arguments.file).read())))
    elif arguments.command == "send":
        request = REQUESTS[arguments.signal].FromString(open(arguments.file, "rb").read() * arguments.repeat)
        headers = [tuple(header.split("=", 1)) for header in arguments.header]
        (send_grpc if arguments.grpc else send_http)(arguments, request, headers)
    elif arguments.command == "wire-to-json":
        print(to_otlp_json(REQUESTS[arguments.signal].FromString(open(arguments.file, "rb").read())))
    else:
        answers = Answers(json.loads(arguments.answers))
        credentials = (arguments.certificate, arguments.key) if arguments.certificate else None
        grpc_server, grpc_port = serve_grpc(answers, credentials)
        http_server, http_port = serve_http(answers, credentials)
        emit(event="listening", grpc=grpc_port, http=http_port)
        # The test kills this process; when the test itself was killed, its child goes by itself.
        parent = os.getppid()
        while os.getppid() == parent:
            stopped.wait(1)
        os._exit(0)


main()
