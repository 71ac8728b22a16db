"""Indices, data streams, templates and documents of the double, with the rules of the bulk API: what each action does
to which target, and how it fails. Written from the server's reference documentation."""

import fnmatch
import hashlib
import itertools
import json
import threading

import mappings
import templates
from mappings import DocumentError
from painless import Script, ScriptError


class Index:
    def __init__(self, name, mapping, stream=None):
        self.name, self.mapping, self.stream = name, mapping, stream
        self.documents = {}
        self.dynamic_types = {}
        self.unmapped = set()


class ItemError(Exception):
    def __init__(self, status, kind, reason):
        super().__init__(reason)
        self.status, self.kind, self.reason = status, kind, reason


class Store:
    def __init__(self, version="9.2.0", profiling=True):
        self.lock = threading.RLock()
        self.version = tuple(int(part) for part in version.split(".")[:2])
        self.reset(profiling)

    def reset(self, profiling):
        with self.lock:
            self.indices, self.aliases, self.streams = {}, {}, {}
            self.component_templates, self.index_templates, self.policies = {}, {}, {}
            self.counter = itertools.count(1)
            self.profiling = False
            self.index_templates.update(templates.GENERIC)
            self.index_templates.update(templates.OTEL)
            if self.version >= (9, 6):
                self.index_templates.update(templates.PROFILING_OTEL)
            if profiling:
                self.enable_profiling()

    def enable_profiling(self):
        """What the profiling plugin makes when its templates are switched on."""
        with self.lock:
            if self.profiling:
                return
            self.profiling = True
            self.index_templates.update(templates.CLASSIC)
            for alias, name in templates.CLASSIC_INDICES.items():
                self.create_index(name, {"aliases": {alias: {"is_write_index": True}}})
            for name in templates.CLASSIC_STREAMS:
                self.create_stream(name)

    # Templates and targets

    def template(self, name):
        """The template of the highest priority, with the parts that it is composed of merged."""
        matching = [
            body for body in self.index_templates.values()
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in body["index_patterns"])
        ]
        if not matching:
            return None, mappings.merge()
        best = max(matching, key=lambda body: body.get("priority", 0))
        parts = [self.component_templates[part]["template"] for part in best.get("composed_of", [])
                 if part in self.component_templates]
        return best, mappings.merge(*parts, best.get("template", {}))

    def create_index(self, name, body=None):
        with self.lock:
            if name in self.indices:
                raise ItemError(400, "resource_already_exists_exception", f"index [{name}] already exists")
            _, mapping = self.template(name)
            body = body or {}
            if body.get("mappings"):
                mapping = mappings.merge({"mappings": {"properties": mapping["properties"]}}, body)
            self.indices[name] = Index(name, mapping)
            for alias in body.get("aliases", {}):
                self.aliases[alias] = name

    def create_stream(self, name):
        with self.lock:
            template, mapping = self.template(name)
            if template is None or "data_stream" not in template:
                raise ItemError(
                    400, "illegal_argument_exception", f"no matching index template for data stream [{name}]")
            backing = f".ds-{name}-2026.01.01-000001"
            self.indices[backing] = Index(backing, mapping, stream=name)
            self.streams[name] = backing

    def resolve(self, name, requires_stream):
        """The index that documents for a name go to; made where a template or the defaults allow it."""
        if name in self.streams:
            return self.indices[self.streams[name]]
        known = self.aliases.get(name, name)
        if known in self.indices:
            if requires_stream:
                raise ItemError(400, "illegal_argument_exception", f"[{name}] is not a data stream")
            return self.indices[known]
        template, _ = self.template(name)
        if template is not None and "data_stream" in template:
            self.create_stream(name)
            return self.indices[self.streams[name]]
        if requires_stream:
            raise ItemError(
                404, "index_not_found_exception",
                f"no such index [{name}] and [require_data_stream] request flag is [true] "
                f"and [{name}] is not a data stream")
        self.create_index(name)
        return self.indices[name]

    # Documents

    def carry_out(self, operation, action, source):
        """One item of a bulk request; returns the item of the answer."""
        name = action.get("_index", "")
        item = {"_index": name}
        if "_id" in action:
            item["_id"] = action["_id"]
        with self.lock:
            try:
                index = self.resolve(name, action.get("require_data_stream", False))
                item["_index"] = index.name
                status, result = self.write(index, operation, action, source, item)
                item.update(
                    {"_version": 1, "result": result, "_shards": {"total": 2, "successful": 1, "failed": 0},
                     "_seq_no": next(self.counter), "_primary_term": 1, "status": status})
            except ItemError as error:
                item.update({"status": error.status, "error": {"type": error.kind, "reason": error.reason}})
            except DocumentError as error:
                item.update({"status": 400, "error": {"type": error.kind, "reason": error.reason}})
            except ScriptError as error:
                item.update({"status": 400, "error": {"type": "script_exception", "reason": str(error)}})
        return {operation: item}

    def write(self, index, operation, action, source, item):
        if index.stream is not None and operation != "create":
            raise ItemError(
                400, "illegal_argument_exception",
                "only write ops with an op_type of create are allowed in data streams")
        if operation == "update":
            return self.update(index, action, source)
        identifier = action.get("_id")
        if index.stream is not None and "@timestamp" not in source:
            raise DocumentError("document_parsing_exception", "data stream timestamp field [@timestamp] is missing")
        if index.mapping["mode"] == "time_series":
            if identifier is not None:
                raise DocumentError("illegal_argument_exception", "_id must be unset or that of the time series")
            identifier = series_id(source)
        if identifier is None:
            identifier = f"auto-{next(self.counter)}"
        item["_id"] = identifier
        if operation == "create" and identifier in index.documents:
            raise ItemError(
                409, "version_conflict_engine_exception", f"[{identifier}]: version conflict, document already exists")
        self.check(index, action, source)
        existed = identifier in index.documents
        index.documents[identifier] = source
        return (200, "updated") if existed else (201, "created")

    def update(self, index, action, body):
        identifier = action["_id"]
        known = index.documents.get(identifier)
        if known is None and not body.get("scripted_upsert"):
            raise ItemError(404, "document_missing_exception", f"[{identifier}]: document missing")
        context = {"op": "index" if known else "create", "_source": dict(known or body.get("upsert", {}))}
        script = body["script"]
        Script(script["source"]).run(context, script.get("params", {}))
        if context["op"] == "none":
            return 200, "noop"
        self.check(index, action, context["_source"])
        index.documents[identifier] = context["_source"]
        return (200, "updated") if known else (201, "created")

    def check(self, index, action, source):
        index.unmapped.update(mappings.check(index.mapping, source))
        if ".otel-" not in index.name:
            mappings.check_objects(source)
        known = mappings.APM_TEMPLATES if "metrics-apm." in index.name else mappings.OTEL_TEMPLATES
        for field, template in action.get("dynamic_templates", {}).items():
            if template not in known:
                raise DocumentError(
                    "document_parsing_exception",
                    f"Can't find dynamic template for dynamic template name [{template}] of field [{field}]")
            # The first type of a field stays until the next backing index.
            kind = index.dynamic_types.setdefault(field, template)
            if not fits(kind, mappings.value_at(source, field)):
                raise DocumentError("document_parsing_exception", f"failed to parse field [{field}] of type [{kind}]")

    # Reading

    def search_indices(self, name):
        """All indices of a name, an alias, a data stream or a pattern."""
        with self.lock:
            names = {alias: known for alias, known in self.aliases.items()} | self.streams
            found = [known for alias, known in names.items() if fnmatch.fnmatchcase(alias, name)]
            found += [known for known in self.indices if fnmatch.fnmatchcase(known, name)]
            return [self.indices[known] for known in dict.fromkeys(found)]

    def read(self, index, identifier):
        """A document as the server gives it back: with objects where source is synthetic, as written otherwise."""
        source = index.documents[identifier]
        return mappings.nest(source) if index.mapping["synthetic"] else source


def fits(kind, value):
    if value is None:
        return False
    if kind in ("histogram", "histogram_metrics"):
        return isinstance(value, dict) and len(value["counts"]) == len(value["values"]) and value["values"] == sorted(
            value["values"])
    if kind.startswith("summary"):
        return isinstance(value, dict) and {"sum", "value_count"} <= set(value)
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def series_id(source):
    """A time series takes one document for each set of dimensions and millisecond."""
    dimensions = {
        path: value for path, value in mappings.flatten(source)
        if path.startswith(("attributes.", "resource.attributes.", "scope.attributes."))
        or path in ("unit", "_metric_names_hash", "data_stream.dataset", "data_stream.namespace", "scope.name")
    }
    text = json.dumps([dimensions, source.get("@timestamp")], sort_keys=True)
    return hashlib.sha1(text.encode()).hexdigest()[:20]
