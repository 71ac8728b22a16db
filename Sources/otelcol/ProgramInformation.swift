import Collector

/// What the program calls itself, in its log, its metrics and the user agent of its requests.
let programInformation = BuildInformation(
    command: "otelcol", description: "OpenTelemetry Collector with a whole-host profiler", version: "0.1.0")
