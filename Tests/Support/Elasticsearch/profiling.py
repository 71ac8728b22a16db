"""The read side of Universal Profiling: `_profiling/stacktraces`, `_profiling/flamegraph` and
`_profiling/topn/functions`, computed from stored documents. Written from what is known of the server's readers, with
its quirks: which events count, how ids are taken apart, in which form documents are asked for. It shares nothing with
what wrote the documents."""

import base64
import collections
import math
import struct

from mappings import flatten, time_of

DEFAULT_FREQUENCY = 19
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


class Schema:
    def __init__(self, name):
        otel = name == "otel"
        suffix = ".otel-default" if otel else ""
        self.otel = otel
        self.events, self.traces, self.frames, self.executables = (
            f"profiling-{part}{suffix}" for part in ("events-all", "stacktraces", "stackframes", "executables"))

    def event(self, source):
        leaves = dict(flatten(source))
        def get(classic, otel):
            value = leaves.get(otel if self.otel else classic)
            return value[0] if isinstance(value, list) else value
        return {
            "trace": get("Stacktrace.id", "stacktrace.id"),
            "frequency": get("Stacktrace.sampling_frequency", "sampling_frequency") or DEFAULT_FREQUENCY,
            "executable": get("process.executable.name", "resource.attributes.process.executable.name") or "",
            "thread": get("process.thread.name", "resource.attributes.thread.name") or "",
            "host": get("host.id", "resource.attributes.host.id") or "",
        }

    def trace(self, source):
        """By objects: source of traces is synthetic."""
        frame = source["frame"] if self.otel else source["Stacktrace"]["frame"]
        return frame["ids"], frame["types"]

    def frame(self, source):
        """By keys with dots: source of frames is stored as it was written."""
        prefix = "" if self.otel else "Stackframe."
        file_name = "function.filename" if self.otel else "Stackframe.file.name"
        return {
            "file_name": source.get(file_name, []), "function_name": source.get(f"{prefix}function.name", []),
            "line_number": source.get(f"{prefix}line.number", []),
            "function_offset": source.get(f"{prefix}function.offset", []),
        }

    def executable(self, source):
        leaves = dict(flatten(source))
        return leaves.get("resource.attributes.process.executable.name" if self.otel else "Executable.file.name")


def single(store, name):
    indices = store.search_indices(name)
    return indices[0] if indices else None


def get(store, name, identifier):
    index = single(store, name)
    if index is None or identifier not in index.documents:
        return None
    return store.read(index, identifier)


def in_range(index, source, query):
    """A range on @timestamp is all that pages ask for."""
    definition = index.mapping["properties"].get("@timestamp", {"type": "date"})
    time = time_of(source["@timestamp"], definition)
    bounds = query
    for key in ("bool", "filter", "range", "@timestamp"):
        if isinstance(bounds, list):
            bounds = next((each for each in bounds if "range" in each), {})
        bounds = bounds.get(key, bounds if key in ("bool", "filter") else {})
    for name, bound in bounds.items():
        if name not in ("gte", "lt", "gt", "lte"):
            continue
        limit = int(float(bound) * 10**9) if isinstance(bound, (int, float)) else time_of(bound, {"format": "x"})
        holds = {"gte": time >= limit, "gt": time > limit, "lt": time < limit, "lte": time <= limit}[name]
        if not holds:
            return False
    return True


def matching_events(store, schema, request):
    """From the full stream, or from a downsampled one if there is one with data."""
    query = request.get("query", {})
    name, rate = schema.events, 1.0
    if not schema.otel:
        middle = single(store, "profiling-events-5pow06")
        hits = 0 if middle is None else sum(in_range(middle, source, query) for source in middle.documents.values())
        if hits:
            exponent = 6 - round(math.log(5 * request.get("sample_size", 20000) / hits, 5)) + 1
            if exponent >= 1:
                exponent = min(exponent, 11)
                name, rate = f"profiling-events-5pow{exponent:02}", 5.0**-exponent
    events = []
    for index in store.search_indices(name):
        for identifier, source in index.documents.items():
            if in_range(index, source, query):
                events.append(schema.event(store.read(index, identifier)))
    return events, rate


def take_apart(frame_ids, types):
    """Ids of 32 characters, the stack's root first, and types in runs, to frames with the leaf first."""
    ids = [frame_ids[position:position + 32] for position in range(0, len(frame_ids), 32)]
    packed = base64.urlsafe_b64decode(types + "=" * (-len(types) % 4))
    expanded = []
    for count, kind in zip(packed[::2], packed[1::2]):
        expanded += [kind] * count
    frames = []
    for position, frame_id in enumerate(ids):
        # The 22nd character carries the last two bits of the file and the first four of the address. The reader masks
        # the character's code instead of its value, which is the same only where those four bits are zero.
        file_id = frame_id[:21] + ALPHABET[ord(frame_id[21]) & 0x30]
        address = struct.unpack(">i", base64.urlsafe_b64decode(frame_id)[20:24])[0]
        frames.append({"id": frame_id, "file": file_id, "address": address,
                       "type": expanded[position] if position < len(expanded) else 0})
    return frames


def stack_traces(store, request):
    schema = Schema(request.get("schema", "ecs"))
    events, rate = matching_events(store, schema, request)
    counts = collections.Counter(
        (event["trace"], event["executable"], event["thread"], event["host"], event["frequency"]) for event in events)
    traces, frames, executables, totals = {}, {}, {}, collections.Counter()
    for key, count in counts.items():
        totals[key[0]] += count
    for trace_id, count in totals.items():
        source = get(store, schema.traces, trace_id)
        if source is None:
            continue
        parts = take_apart(*schema.trace(source))
        traces[trace_id] = {
            "address_or_lines": [part["address"] for part in parts], "file_ids": [part["file"] for part in parts],
            "frame_ids": [part["id"] for part in parts], "type_ids": [part["type"] for part in parts],
            "count": round(count / rate)}
        for part in parts:
            document = get(store, schema.frames, part["id"])
            if document is not None:
                frames[part["id"]] = schema.frame(document)
            if part["type"] in (3, 4):
                document = get(store, schema.executables, part["file"])
                if document is not None:
                    executables[part["file"]] = schema.executable(document)
    return {
        "stack_traces": traces, "stack_frames": frames, "executables": executables,
        "stack_trace_events": {trace: totals[trace] for trace in traces}, "sampling_rate": rate,
        "total_samples": sum(totals.values()), "_groups": counts,
    }


def flame_graph(store, request):
    """Nodes: the root, one for each executable and thread, then frames from the stack's root to its leaf."""
    result = stack_traces(store, request)
    nodes = [{"name": "", "type": 0x100, "edges": {}, "inclusive": 0, "exclusive": 0}]

    def child(parent, key, **node):
        edges = nodes[parent]["edges"]
        if key not in edges:
            edges[key] = len(nodes)
            nodes.append({"edges": {}, "inclusive": 0, "exclusive": 0, **node})
        return edges[key]

    for (trace_id, executable, thread, _, _), count in result["_groups"].items():
        trace = result["stack_traces"].get(trace_id)
        if trace is None:
            continue
        count = round(count / result["sampling_rate"])
        group = executable or ("kernel" if trace["type_ids"] and trace["type_ids"][-1] == 4 else "")
        path = [0, child(0, ("executable", group), name=group, type=0x101)]
        path.append(child(path[-1], ("thread", thread), name=thread, type=0x102))
        for position, frame_id in enumerate(trace["frame_ids"]):
            kind, file_id, address = (trace[key][position] for key in ("type_ids", "file_ids", "address_or_lines"))
            frame = result["stack_frames"].get(frame_id, {"function_name": [], "file_name": [], "line_number": []})
            names = frame["function_name"] or [""]
            for depth, name in enumerate(names):
                def entry(key, default):
                    values = frame[key]
                    return values[depth] if depth < len(values) else default
                path.append(child(
                    path[-1], (file_id, kind, address, name, depth > 0), name=name, type=kind, file_id=file_id,
                    address=address, inline=depth > 0, source_file=entry("file_name", ""),
                    line=entry("line_number", 0), executable=result["executables"].get(file_id, "")))
        for node in path:
            nodes[node]["inclusive"] += count
        nodes[path[-1]]["exclusive"] += count

    def column(key, default):
        return [node.get(key, default) for node in nodes]

    return {
        "Size": len(nodes), "SamplingRate": result["sampling_rate"],
        "Edges": [list(node["edges"].values()) for node in nodes], "FileID": column("file_id", ""),
        "FrameType": column("type", 0), "Inline": column("inline", False), "ExeFilename": column("executable", ""),
        "AddressOrLine": column("address", 0), "FunctionName": column("name", ""),
        "FunctionOffset": [0] * len(nodes), "SourceFilename": column("source_file", ""),
        "SourceLine": column("line", 0), "CountInclusive": column("inclusive", 0),
        "CountExclusive": column("exclusive", 0), "TotalSamples": nodes[0]["inclusive"],
    }


SECONDS_A_YEAR = 365.25 * 86400


def costs(store, schema, request, host, frequency, samples):
    """What so many samples of a host stand for in a year: tons of carbon dioxide, and dollars."""
    duration = request.get("requested_duration", 3600)
    hours = samples / frequency / 3600 * (SECONDS_A_YEAR / duration)
    arch = None
    for index in store.search_indices("profiling-hosts.otel-default" if schema.otel else "profiling-hosts"):
        for identifier in index.documents:
            leaves = dict(flatten(store.read(index, identifier)))
            prefix = "resource.attributes." if schema.otel else ""
            if leaves.get(prefix + "host.id") == host:
                arch = leaves.get(prefix + "host.arch", arch)
    watts = request.get("per_core_watt_arm64", 2.8) if arch in ("arm64", "aarch64") else request.get(
        "per_core_watt_x86", 7.0)
    tons = hours * watts / 1000 * request.get("co2_per_kwh", 0.000379069) * request.get("datacenter_pue", 1.7)
    return tons, hours * request.get("cost_per_core_hour", 0.0425)


def group_of(frame, document, depth, executable):
    """Frames of one function are one entry, wherever in it they are; those without names are told apart by address."""
    names = document["function_name"] if document else []
    if not names or not names[depth]:
        return ("address", frame["file"], frame["address"])
    files = document["file_name"]
    return ("function", executable, files[depth] if depth < len(files) else "", names[depth])


def top_functions(store, request):
    """Functions by how often they were at the end of a stack, and how often anywhere in it."""
    schema = Schema(request.get("schema", "ecs"))
    result = stack_traces(store, request)
    entries = {}
    totals = collections.Counter()
    for (trace_id, executable, thread, host, frequency), count in result["_groups"].items():
        trace = result["stack_traces"].get(trace_id)
        if trace is None:
            continue
        count = round(count / result["sampling_rate"])
        tons, dollars = costs(store, schema, request, host, frequency, count)
        totals.update({"count": count, "tons": tons, "dollars": dollars})
        seen, last = set(), None
        for position, frame_id in enumerate(trace["frame_ids"]):
            frame = {"file": trace["file_ids"][position], "address": trace["address_or_lines"][position],
                     "type": trace["type_ids"][position]}
            document = result["stack_frames"].get(frame_id)
            file_name = result["executables"].get(frame["file"], "")
            for depth in range(max(1, len(document["function_name"]) if document else 1)):
                last = group_of(frame, document, depth, file_name)
                if last not in entries:
                    def value(key, default):
                        values = document[key] if document else []
                        return values[depth] if depth < len(values) else default
                    entries[last] = {"counts": collections.Counter(), "frame": {
                        "frame_type": frame["type"], "inline": depth > 0, "address_or_line": frame["address"],
                        "function_name": value("function_name", ""), "file_name": value("file_name", ""),
                        "line_number": value("line_number", 0), "executable_file_name": file_name}}
                if last not in seen:
                    seen.add(last)
                    entries[last]["counts"].update(
                        {"total": count, "total_tons": tons, "total_dollars": dollars})
        if last is not None:
            entries[last]["counts"].update({"self": count, "self_tons": tons, "self_dollars": dollars})
    ordered = sorted(
        entries.items(), key=lambda item: (-item[1]["counts"]["self"], -item[1]["counts"]["total"], str(item[0])))
    limit = request.get("limit") or len(ordered)
    return {
        "self_count": totals["count"], "total_count": totals["count"], "self_annual_co2_tons": totals["tons"],
        "self_annual_cost_usd": totals["dollars"],
        "topn": [{
            "id": "/".join(str(part) for part in group), "rank": rank, "frame": entry["frame"],
            "self_count": entry["counts"]["self"], "total_count": entry["counts"]["total"],
            "self_annual_co2_tons": entry["counts"]["self_tons"],
            "total_annual_co2_tons": entry["counts"]["total_tons"],
            "self_annual_costs_usd": entry["counts"]["self_dollars"],
            "total_annual_costs_usd": entry["counts"]["total_dollars"],
        } for rank, (group, entry) in enumerate(ordered[:limit], 1)],
    }


def answer(store, name, request):
    if name == "stacktraces":
        result = stack_traces(store, request)
        del result["_groups"]
        return result
    if name == "flamegraph":
        return flame_graph(store, request)
    if name == "topn/functions":
        return top_functions(store, request)
    raise ValueError(f"unknown reader {name}")
