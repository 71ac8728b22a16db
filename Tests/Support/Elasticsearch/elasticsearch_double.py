"""A double of Elasticsearch for tests: its HTTP API as far as exporters of telemetry and readers of profiles use it.

    elasticsearch_double.py [--version 9.2.0] [--no-profiling] [--api-key KEY] [--user NAME:PASSWORD]
                            [--maximum-bytes N] [--no-product] [--certificate FILE --key FILE]
                            [--port N] [--data FILE]

Listens on an ephemeral port of 127.0.0.1, or that one, and prints {"port": PORT}. Ends with its parent. What it
acknowledged is in FILE before the answer, and there again after the next start with that file, however the last one
ended.

Not of the real API, for tests: `PUT /_double/answers` takes a list that is used up by bulk requests, one entry each:
{"status": 503, "retry_after": "1"}, {"items": {"0": {"status": 429, "type": "…"}}}, {"hang": true}, {"close": true},
{"garbage": true}, {"set_cookie": ["name=value"]}, {"lose": true} (carried out, then the connection is closed),
{} (as usual).
`GET /_double/requests` lists the bulk requests, `GET /_double/bodies` gives their bodies one after the other,
`GET /_double/documents/NAME` the documents of a name, and
`GET /_double/unmapped/NAME` the fields that a template does not know.
"""

import argparse
import base64
import gzip
import http.server
import json
import os
import ssl
import threading
import time
import urllib.parse

import mappings
import profiling
from store import ItemError, Store


def error_body(status, kind, reason):
    cause = {"type": kind, "reason": reason}
    return {"error": {"root_cause": [cause], **cause}, "status": status}


def filtered(value, patterns):
    """What `filter_path` keeps."""
    if not isinstance(value, (dict, list)):
        return value
    if isinstance(value, list):
        kept = [filtered(each, patterns) for each in value]
        return [each for each in kept if each not in ({}, [])]
    result = {}
    for key, child in value.items():
        rests = [rest for head, *rest in patterns if head in ("*", key)]
        if any(not rest for rest in rests):
            result[key] = child
        elif rests and isinstance(child, (dict, list)):
            kept = filtered(child, rests)
            if kept not in ({}, []):
                result[key] = kept
    return result


def carry_out(store, body, record, overrides):
    """The documents of one bulk request.
    :param record: Gets the action lines.
    :param overrides: What tests want to become of single items, by their number.
    :returns: The items of the answer."""
    if not body.endswith(b"\n"):
        raise ItemError(
            400, "illegal_argument_exception", "The bulk request must be terminated by a newline [\\n]")
    lines = body.split(b"\n")[:-1]
    items = []
    position = 0
    while position < len(lines):
        action = json.loads(lines[position])
        if len(action) != 1:
            raise ItemError(400, "illegal_argument_exception", f"Malformed action/metadata line [{position + 1}]")
        operation, details = next(iter(action.items()))
        if operation not in ("create", "index", "update", "delete"):
            raise ItemError(400, "illegal_argument_exception", f"unknown operation [{operation}]")
        unknown = set(details) - {
            "_id", "_index", "pipeline", "dynamic_templates", "require_data_stream", "routing"}
        if unknown:
            raise ItemError(400, "illegal_argument_exception", f"unknown parameters {sorted(unknown)}")
        if "require_data_stream" in details and store.version < (8, 12):
            raise ItemError(
                400, "illegal_argument_exception",
                "Action/metadata line contains an unknown parameter [require_data_stream]")
        if position + 1 >= len(lines):
            raise ItemError(400, "illegal_argument_exception", "a document is missing")
        try:
            source = mappings.parse(lines[position + 1])
        except mappings.DocumentError as error:
            source = error
        position += 2
        record["actions"].append(action)
        override = overrides.get(str(len(items)))
        if override:
            items.append({operation: {
                "_index": details.get("_index", ""), "status": override["status"],
                "error": {"type": override.get("type", "es_rejected_execution_exception"),
                          "reason": override.get("reason", "as the test asked")}}})
        elif isinstance(source, mappings.DocumentError):
            items.append({operation: {
                "_index": details.get("_index", ""), "status": 400,
                "error": {"type": source.kind, "reason": source.reason}}})
        else:
            items.append(store.carry_out(operation, details, source))
    return items


class Double:
    def __init__(self, options):
        self.options = options
        self.store = Store(options.version, not options.no_profiling)
        self.requests, self.answers, self.bodies = [], [], []
        self.lock = threading.Lock()
        self.journal = None
        if options.data:
            self.replay(options.data)
            self.journal = open(options.data, "ab")

    def replay(self, path):
        """Carries out again what an earlier run acknowledged; a last entry that was not written to its end was not."""
        if not os.path.exists(path):
            return
        with open(path, "rb") as file:
            content = file.read()
        position = 0
        while position + 8 <= len(content):
            end = position + 8 + int.from_bytes(content[position:position + 8], "big")
            if end > len(content):
                break
            carry_out(self.store, content[position + 8:end], {"actions": []}, {})
            position = end
        with open(path, "r+b") as file:
            file.truncate(position)

    def keep(self, body):
        if self.journal:
            self.journal.write(len(body).to_bytes(8, "big") + body)
            self.journal.flush()

    def next_answer(self):
        with self.lock:
            return self.answers.pop(0) if self.answers else {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    double: Double

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.handle_request("GET")

    def do_POST(self):
        self.handle_request("POST")

    def do_PUT(self):
        self.handle_request("PUT")

    def do_HEAD(self):
        self.handle_request("HEAD")

    def handle_request(self, method):
        url = urllib.parse.urlsplit(self.path)
        query = {key: values[-1] for key, values in urllib.parse.parse_qs(url.query, keep_blank_values=True).items()}
        body = self.read_body()
        try:
            if url.path.startswith("/_double/"):
                return self.administrate(method, url.path.split("/")[2:], body)
            if not self.is_authorized():
                return self.answer(401, error_body(401, "security_exception", "missing authentication credentials"))
            if url.path.endswith("/_bulk"):
                return self.bulk(url.path, query, body)
            self.dispatch(method, [part for part in url.path.split("/") if part], query, body)
        except ItemError as error:
            self.answer(error.status, error_body(error.status, error.kind, error.reason))
        except (ValueError, KeyError) as error:
            self.answer(400, error_body(400, "parse_exception", f"{type(error).__name__}: {error}"))

    def read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.compressed_bytes = len(body)
        return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

    def is_authorized(self):
        options = self.double.options
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        if options.api_key:
            return scheme.lower() == "apikey" and value == options.api_key
        if options.user:
            return scheme.lower() == "basic" and base64.b64decode(value).decode() == options.user
        return True

    def answer(self, status, body=None, headers=()):
        content = body if isinstance(body, bytes) else json.dumps(body if body is not None else {}).encode()
        self.send_response(status)
        if not self.double.options.no_product:
            self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    # The bulk API

    def bulk(self, path, query, body):
        options = self.double.options
        script = self.double.next_answer()
        record = {
            "path": path, "query": query, "headers": {key.lower(): value for key, value in self.headers.items()},
            "bytes": len(body), "compressed_bytes": self.compressed_bytes, "time": time.time(), "actions": [],
        }
        with self.double.lock:
            self.double.requests.append(record)
        if options.maximum_bytes and len(body) > options.maximum_bytes:
            record["status"] = 413
            return self.answer(413, b"")
        if script.get("hang"):
            time.sleep(3600)
        if script.get("close"):
            self.close_connection = True
            return self.connection.close()
        if script.get("garbage"):
            return self.answer(200, b'{"items":[{"cre')
        if "status" in script:
            record["status"] = script["status"]
            headers = [("Retry-After", script["retry_after"])] if "retry_after" in script else []
            kind = script.get("type", "es_rejected_execution_exception")
            return self.answer(script["status"], error_body(script["status"], kind, "as the test asked"), headers)
        # One request after the other, so that a later run can carry them out in the same order.
        with self.double.lock:
            items = carry_out(self.double.store, body, record, script.get("items", {}))
            self.double.bodies.append(body)
            self.double.keep(body)
        record["status"] = 200
        if script.get("lose"):
            self.close_connection = True
            return self.connection.close()
        answer = {"errors": any("error" in next(iter(item.values())) for item in items), "took": 1, "items": items}
        if "filter_path" in query:
            answer = filtered(answer, [path.split(".") for path in query["filter_path"].split(",")])
        self.answer(200, answer, [("Set-Cookie", each) for each in script.get("set_cookie", [])])

    # Everything else

    def dispatch(self, method, parts, query, body):
        store = self.double.store
        if not parts:
            return self.answer(200, self.information())
        name = parts[0]
        if name == "_profiling":
            return self.profiling(parts[1:], body)
        if name == "_cluster" and parts[1:] == ["settings"]:
            settings = json.loads(body).get("persistent", {})
            if str(settings.get("xpack.profiling.templates.enabled", "")).lower() == "true":
                store.enable_profiling()
            return self.answer(200, {"acknowledged": True, "persistent": settings, "transient": {}})
        if name == "_nodes":
            return self.answer(200, self.nodes())
        for kind, table in (("_component_template", store.component_templates),
                            ("_index_template", store.index_templates), ("_ilm", store.policies)):
            if name == kind:
                return self.resource(method, kind, table, parts[-1], body)
        if name == "_data_stream":
            if method == "PUT":
                store.create_stream(parts[1])
                return self.answer(200, {"acknowledged": True})
            known = parts[1] in store.streams
            return self.answer(200, {"data_streams": [{"name": parts[1]}]}) if known else self.missing(parts[1])
        if len(parts) == 1:
            if method == "PUT":
                store.create_index(name, json.loads(body or b"{}"))
                return self.answer(200, {"acknowledged": True, "shards_acknowledged": True, "index": name})
            return self.answer(200, {}) if store.search_indices(name) else self.missing(name)
        if parts[1] == "_count":
            return self.answer(200, {"count": sum(len(index.documents) for index in store.search_indices(name))})
        if parts[1] == "_refresh":
            return self.answer(200, {"_shards": {"total": 1, "successful": 1, "failed": 0}})
        self.answer(400, error_body(400, "illegal_argument_exception", f"the double does not know {self.path}"))

    def missing(self, name):
        self.answer(404, error_body(404, "index_not_found_exception", f"no such index [{name}]"))

    def resource(self, method, kind, table, name, body):
        if method == "PUT":
            document = json.loads(body)
            if kind == "_index_template":
                for part in document.get("composed_of", []):
                    if part not in self.double.store.component_templates:
                        raise ItemError(
                            400, "invalid_index_template_exception", f"component templates [{part}] that do not exist")
            table[name] = document
            return self.answer(200, {"acknowledged": True})
        if name in table:
            return self.answer(200, {name: table[name]})
        self.answer(404, error_body(404, "resource_not_found_exception", f"[{name}] not found"))

    def information(self):
        return {
            "name": "double", "cluster_name": "double", "cluster_uuid": "AAAAAAAAAAAAAAAAAAAAAA",
            "version": {"number": self.double.options.version, "build_flavor": "default", "build_type": "docker",
                        "build_hash": "0", "build_date": "2026-01-01T00:00:00Z", "build_snapshot": False,
                        "lucene_version": "10.0.0", "minimum_wire_compatibility_version": "8.19.0",
                        "minimum_index_compatibility_version": "8.0.0"},
            "tagline": "You Know, for Search",
        }

    def nodes(self):
        port = self.server.server_address[1]
        return {"nodes": {
            "a": {"roles": ["data", "ingest"], "http": {"publish_address": f"127.0.0.1:{port}"}},
            "b": {"roles": ["master"], "http": {"publish_address": "127.0.0.1:1"}},
        }}

    def profiling(self, parts, body):
        store = self.double.store
        if parts == ["status"]:
            return self.answer(200, {
                "profiling": {"enabled": True}, "resource_management": {"enabled": store.profiling},
                "resources": {"created": store.profiling, "pre_8_9_1_data": False, "has_data": True}})
        with store.lock:
            self.answer(200, profiling.answer(store, "/".join(parts), json.loads(body or b"{}")))

    def administrate(self, method, parts, body):
        double = self.double
        if parts[0] == "answers":
            with double.lock:
                double.answers = json.loads(body)
            return self.answer(200)
        if parts[0] == "requests":
            return self.answer(200, double.requests)
        if parts[0] == "bodies":
            return self.answer(200, b"".join(double.bodies))
        # Not in the middle of a request.
        with double.lock:
            indices = double.store.search_indices("/".join(parts[1:]))
            if parts[0] == "unmapped":
                return self.answer(200, sorted({path for index in indices for path in index.unmapped}))
            documents = [{"_index": index.name, "_id": identifier, "_source": source,
                          "types": index.dynamic_types}
                         for index in indices for identifier, source in index.documents.items()]
        self.answer(200, documents)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--version", default="9.2.0")
    parser.add_argument("--no-profiling", action="store_true")
    parser.add_argument("--api-key")
    parser.add_argument("--user")
    parser.add_argument("--maximum-bytes", type=int)
    parser.add_argument("--no-product", action="store_true")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--data")
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    options = parser.parse_args()
    Handler.double = Double(options)
    server = Server(("127.0.0.1", options.port), Handler)
    if options.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate, options.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"port": server.server_address[1]}), flush=True)
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.2)


if __name__ == "__main__":
    main()
