"""The index templates that a cluster brings along, as far as fields and kinds matter; written from the documentation
of Universal Profiling and of the OpenTelemetry data streams."""

KEYWORD = {"type": "keyword"}
SECONDS = {"type": "date", "format": "epoch_second"}
NANOS = {"type": "date_nanos", "format": "strict_date_optional_time_nanos||epoch_second"}


def keywords(*names):
    return {name: KEYWORD for name in names}


def index_template(patterns, properties, stream=False, priority=100, settings=None, dynamic=False):
    body = {
        "index_patterns": patterns, "priority": priority,
        "template": {"settings": settings or {}, "mappings": {"dynamic": dynamic, "properties": properties}},
    }
    if stream:
        body["data_stream"] = {}
    return body


SYNTHETIC = {"index": {"mapping": {"source": {"mode": "synthetic"}}}}
EVENTS = {
    "@timestamp": NANOS,
    **keywords("ecs.version", "profiling.project.id", "host.id", "host.name", "orchestrator.resource.name",
               "container.id", "container.name", "k8s.namespace.name", "service.name", "process.thread.name",
               "process.executable.name", "agent.version", "os.kernel", "tags", "Stacktrace.id"),
    "Stacktrace.count": {"type": "short"}, "Stacktrace.sampling_frequency": {"type": "long"}, "host.ip": {"type": "ip"},
}
QUEUE = {
    "ecs.version": KEYWORD, "Time.created": {"type": "date"}, "Symbolization.time.next": {"type": "date"},
    "Symbolization.retries": {"type": "short"},
}

# Name of the alias to the index behind it.
CLASSIC_INDICES = {
    "profiling-stacktraces": ".profiling-stacktraces-v001-000001",
    "profiling-stackframes": ".profiling-stackframes-v001-000001",
    "profiling-executables": ".profiling-executables-v001-000001",
    "profiling-sq-leafframes": ".profiling-sq-leafframes-v001",
    "profiling-sq-executables": ".profiling-sq-executables-v001",
}
CLASSIC_STREAMS = ["profiling-events-all", "profiling-hosts"] + [f"profiling-events-5pow{n:02}" for n in range(1, 12)]
CLASSIC = {
    "profiling-events": index_template(["profiling-events*"], EVENTS, True, settings={"index": {"mode": "logsdb"}}),
    "profiling-hosts": index_template(
        ["profiling-hosts*"],
        {"@timestamp": SECONDS, **keywords("ecs.version", "host.id", "host.arch", "host.type", "cloud.provider",
                                           "cloud.region")}, True),
    "profiling-stacktraces": index_template(
        [".profiling-stacktraces*"], keywords("ecs.version", "Stacktrace.frame.ids", "Stacktrace.frame.types"),
        settings=SYNTHETIC),
    "profiling-stackframes": index_template(
        [".profiling-stackframes*"],
        {**keywords("ecs.version", "Stackframe.file.name", "Stackframe.function.name"),
         "Stackframe.line.number": {"type": "integer"}, "Stackframe.function.offset": {"type": "integer"}}),
    "profiling-executables": index_template(
        [".profiling-executables*"],
        {"@timestamp": SECONDS, "Symbolization.next_time": SECONDS,
         **keywords("ecs.version", "Executable.build.id", "Executable.file.name")}, settings=SYNTHETIC),
    "profiling-sq-leafframes": index_template([".profiling-sq-leafframes*"], {**QUEUE, "Stacktrace.frame.id": KEYWORD}),
    "profiling-sq-executables": index_template(
        [".profiling-sq-executables*"], {**QUEUE, "Executable.file.id": KEYWORD}),
}

# What else a cluster brings along: data streams of the Elastic Common Schema, and those of Elastic APM, which have
# dynamic templates of their own.
GENERIC = {
    name: index_template(patterns, {"@timestamp": {"type": "date"}}, True, priority, dynamic=True)
    for name, patterns, priority in (
        ("logs", ["logs-*-*"], 100), ("metrics", ["metrics-*-*"], 100),
        ("traces-apm@template", ["traces-apm-*", "traces-apm.*-*"], 210),
        ("metrics-apm@template", ["metrics-apm.*-*"], 210))
}

PASSTHROUGH = {"type": "passthrough", "dynamic": True, "properties": {}}


def otel(signal, properties, settings=None):
    common = {
        "data_stream.type": KEYWORD, "data_stream.dataset": KEYWORD, "data_stream.namespace": KEYWORD,
        "attributes": PASSTHROUGH, "scope.attributes": PASSTHROUGH, "resource.attributes": PASSTHROUGH,
        **keywords("resource.schema_url", "scope.schema_url", "scope.name", "scope.version"),
        "dropped_attributes_count": {"type": "long"}, "resource.dropped_attributes_count": {"type": "long"},
        "scope.dropped_attributes_count": {"type": "long"},
    }
    return index_template([f"{signal}-*.otel-*"], {**common, **properties}, True, 120, settings)


PRECISE = {"type": "date_nanos", "format": "strict_date_optional_time_nanos||epoch_millis"}
OTEL = {
    "metrics-otel@template": otel(
        "metrics",
        {"@timestamp": {"type": "date"}, "start_timestamp": PRECISE, "metrics": PASSTHROUGH, "unit": KEYWORD,
         "_metric_names_hash": KEYWORD, "_doc_count": {"type": "long"}}, {"index": {"mode": "time_series"}}),
    "logs-otel@template": otel(
        "logs",
        {"@timestamp": PRECISE, "observed_timestamp": PRECISE, "severity_number": {"type": "byte"},
         **keywords("severity_text", "trace_id", "span_id", "event_name"), "body.text": {"type": "text"},
         "body.structured": {"type": "flattened"}}, {"index": {"mode": "logsdb"}}),
    "traces-otel@template": otel(
        "traces",
        {"@timestamp": PRECISE, "duration": {"type": "long"}, "links": {"type": "object"},
         **keywords("trace_id", "span_id", "trace_state", "parent_span_id", "name", "kind", "status.code",
                    "status.message"),
         "dropped_events_count": {"type": "long"}, "dropped_links_count": {"type": "long"}},
        {"index": {"mode": "logsdb"}}),
}


def profiling_otel(name, properties, settings=None):
    return index_template([f"profiling-{name}.otel-*"], properties, True, 250, settings)


PROFILING_OTEL = {
    "profiling-events-otel@template": profiling_otel(
        "events-all",
        {"@timestamp": NANOS, "stacktrace.id": KEYWORD, "count": {"type": "short"},
         "sampling_frequency": {"type": "long"}, "resource.attributes": PASSTHROUGH}, {"index": {"mode": "logsdb"}}),
    "profiling-stacktraces-otel@template": profiling_otel(
        "stacktraces", {"@timestamp": NANOS, **keywords("frame.ids", "frame.types")}, SYNTHETIC),
    "profiling-stackframes-otel@template": profiling_otel(
        "stackframes",
        {"@timestamp": NANOS, **keywords("function.filename", "function.name"), "line.number": {"type": "integer"},
         "function.offset": {"type": "integer"}}),
    "profiling-executables-otel@template": profiling_otel(
        "executables", {"@timestamp": SECONDS, "resource.attributes": PASSTHROUGH}, SYNTHETIC),
    "profiling-hosts-otel@template": profiling_otel(
        "hosts", {"@timestamp": SECONDS, "resource.attributes": PASSTHROUGH}, SYNTHETIC),
}
