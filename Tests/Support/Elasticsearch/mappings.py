"""Mappings of the double: which fields an index has, of which types, and what values the types take. Written from the
server's reference documentation of field types, dynamic templates and synthetic source."""

import datetime
import ipaddress
import json
import re

INTEGERS = {"byte": 2**7, "short": 2**15, "integer": 2**31, "long": 2**63}
OTEL_TEMPLATES = {
    "histogram", "counter_long", "gauge_long", "counter_double", "gauge_double", "summary", "summary_minmax",
}

APM_TEMPLATES = {"histogram_metrics", "summary_metrics", "double_metrics"}


class DocumentError(Exception):
    def __init__(self, kind, reason):
        super().__init__(reason)
        self.kind, self.reason = kind, reason


def flatten(document, prefix=""):
    """Leaves by dotted path, whether the document writes dots or objects."""
    for key, value in document.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict):
            if value:
                yield from flatten(value, path + ".")
        else:
            yield path, value


def nest(document):
    """What synthetic source gives back: dots become objects, and lists of one value that value."""
    result = {}
    for path, value in flatten(document):
        node = result
        *parents, leaf = path.split(".")
        for name in parents:
            node = node.setdefault(name, {})
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        node[leaf] = value
    return result


def fields(properties, prefix=""):
    """Field definitions by dotted path."""
    for name, definition in properties.items():
        path = f"{prefix}{name}"
        if "properties" in definition and definition.get("type", "object") in ("object", "passthrough", "nested"):
            if definition.get("type") == "passthrough":
                yield path, definition
            yield from fields(definition["properties"], path + ".")
        else:
            yield path, definition


def merge(*bodies):
    """Later templates win, field by field."""
    result = {"settings": {}, "properties": {}, "dynamic": True, "synthetic": False, "mode": None}
    for body in bodies:
        settings = flatten_settings(body.get("settings", {}))
        result["settings"].update(settings)
        mode = settings.get("index.mode") or settings.get("mode")
        if mode:
            result["mode"] = mode
        source = settings.get("index.mapping.source.mode") or settings.get("mapping.source.mode")
        mappings = body.get("mappings", {})
        source = mappings.get("_source", {}).get("mode", source)
        if source:
            result["synthetic"] = source == "synthetic"
        if "dynamic" in mappings:
            result["dynamic"] = mappings["dynamic"]
        result["properties"].update(dict(fields(mappings.get("properties", {}))))
    if result["mode"] in ("time_series", "logsdb"):
        result["synthetic"] = True
    return result


def flatten_settings(settings):
    return {path if path.startswith("index.") else f"index.{path}": value for path, value in flatten(settings)}


def parse(line):
    """A line of a bulk request as the server parses it: a name that occurs twice in an object is an error."""
    def members(pairs):
        names = [name for name, _ in pairs]
        if len(set(names)) < len(names):
            raise DocumentError("document_parsing_exception", f"Duplicate field in {names}")
        return dict(pairs)
    return json.loads(line, object_pairs_hook=members)


def value_at(document, path):
    """The value of a field, whether the document writes dots or objects; None if there is none."""
    if path in document:
        return document[path]
    for position, character in enumerate(path):
        child = document.get(path[:position]) if character == "." else None
        if isinstance(child, dict):
            found = value_at(child, path[position + 1:])
            if found is not None:
                return found
    return None


def check_objects(document):
    """A field cannot be a value and an object at once, where dots make objects."""
    paths = {path for path, _ in flatten(document)}
    for path in paths:
        parts = path.split(".")
        if "" in parts:
            raise DocumentError("illegal_argument_exception", f"field name cannot contain only whitespace: [{path}]")
        for count in range(1, len(parts)):
            parent = ".".join(parts[:count])
            if parent in paths:
                raise DocumentError(
                    "document_parsing_exception",
                    f"object mapping for [{parent}] tried to parse field [{parent}] as object, but found a concrete "
                    "value")


def check(mapping, document):
    """Raises DocumentError for a value that its field's type does not take. Returns the paths without a mapping."""
    unmapped = []
    for path, value in flatten(document):
        definition = mapping["properties"].get(path)
        if definition is None:
            parents = [path.rsplit(".", count)[0] for count in range(1, path.count(".") + 1)]
            if any(mapping["properties"].get(parent, {}).get("type") in ("passthrough", "flattened", "object",
                                                                         "histogram", "aggregate_metric_double")
                   for parent in parents):
                continue
            if str(mapping["dynamic"]).lower() == "strict":
                raise DocumentError("strict_dynamic_mapping_exception", f"[{path}] is not allowed")
            unmapped.append(path)
            continue
        for each in value if isinstance(value, list) else [value]:
            if each is not None and not takes(definition, each):
                raise DocumentError(
                    "document_parsing_exception",
                    f"failed to parse field [{path}] of type [{definition['type']}]. "
                    f"Preview of field's value: '{each}'")
    return unmapped


def takes(definition, value):
    kind = definition["type"]
    if kind in INTEGERS:
        return isinstance(value, int) and not isinstance(value, bool) and -INTEGERS[kind] <= value < INTEGERS[kind]
    if kind in ("date", "date_nanos"):
        formats = definition.get("format", "strict_date_optional_time||epoch_millis").split("||")
        return any(takes_date(each, value) for each in formats)
    if kind in ("keyword", "text", "version", "constant_keyword", "wildcard"):
        return isinstance(value, (str, int, float, bool))
    if kind == "ip":
        try:
            ipaddress.ip_address(value)
            return True
        except ValueError:
            return False
    if kind in ("double", "float"):
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return True


def takes_date(name, value):
    if name.startswith("epoch_"):
        return isinstance(value, int) or (isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value))
    return isinstance(value, str) and parse_date(value) is not None


def parse_date(text):
    """Nanoseconds since 1970 of an ISO date with up to nine digits of fraction; None for anything else."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?)?", str(text))
    if not match:
        return None
    date, time, fraction, zone = match.groups()
    try:
        zone = "+00:00" if zone in ("Z", None) else zone
        moment = datetime.datetime.fromisoformat(f"{date}T{time or '00:00:00'}{zone}")
    except ValueError:
        return None
    return int(moment.timestamp()) * 10**9 + int((fraction or "0").ljust(9, "0"))


def time_of(value, definition):
    """Nanoseconds since 1970 of a value of a date field."""
    if isinstance(value, int):
        formats = definition.get("format", "strict_date_optional_time||epoch_millis")
        return value * (10**9 if "epoch_second" in formats else 10**6)
    if re.fullmatch(r"\d+(\.\d+)?", value):
        milliseconds, _, fraction = value.partition(".")
        return int(milliseconds) * 10**6 + int((fraction or "0").ljust(6, "0")[:6])
    return parse_date(value)
