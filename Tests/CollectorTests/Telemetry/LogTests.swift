import Logging
import Testing

@testable import Collector

struct LogTests {
    func record(
        _ message: String, _ fields: Logger.Metadata = [:], level: Logger.Level = .info
    ) -> LogRecordEncoder.Record {
        .init(
            time: WallClockTime(seconds: 0, milliseconds: 7), level: level, caller: "Collector/X.swift:3",
            message: message, fields: fields)
    }

    @Test func writesConsoleLines() {
        let encoder = LogRecordEncoder(encoding: .console, writesCaller: true, resource: ["service.name": "x"])
        let line = encoder.encode(record("hello", ["b": "two", "a": .stringConvertible(1)], level: .warning))
        let columns = line.split(separator: "\t")
        #expect(columns.count == 5)
        #expect(
            columns.dropFirst().map(String.init) == [
                "warn", "Collector/X.swift:3", "hello", "{\"a\": 1, \"b\": \"two\"}\n",
            ])
    }

    @Test func writesJSONLines() throws {
        let encoder = LogRecordEncoder(encoding: .json, writesCaller: false, resource: ["service.name": "x"])
        let line = encoder.encode(
            record("q\"uote", ["l": .array(["a", .dictionary(["k": "v"])]), "flag": .stringConvertible(true)]))
        #expect(line.hasPrefix("{\"level\":\"info\",\"ts\":\""))
        let node = try YAMLDocument.parse(line)
        guard case .map(let map) = node.value else {
            Issue.record("no object: \(line)")
            return
        }
        #expect(map.keys == ["level", "ts", "msg", "flag", "l", "resource"])
        #expect(map["l"]?.json() == #"["a",{"k":"v"}]"#)
        #expect(map["resource"]?.json() == #"{"service.name":"x"}"#)
        #expect(map["msg"]?.json() == #""q\"uote""#)
    }

    /// Names of processes are foreign text: they must not end a line or command a terminal.
    @Test func keepsHostileTextOnOneLine() {
        for encoding in TelemetryConfiguration.Logs.Encoding.allCases {
            let encoder = LogRecordEncoder(encoding: encoding, writesCaller: true, resource: [:])
            let line = encoder.encode(record("a\nb\u{1b}[2J\u{9b}", ["k\n": "v\r\n\u{2028}"]))
            #expect(line.filter { $0.isNewline }.count == 1)
            #expect(!line.unicodeScalars.contains("\u{1b}"))
            #expect(!line.unicodeScalars.contains("\u{9b}"))
        }
    }

    @Test func samplesEqualRecords() {
        let sampler = LogSampler(.init(tick: .seconds(10), initial: 3, thereafter: 5))
        let start = ContinuousClock.now
        let admitted = (1...20).filter { _ in sampler.admits(level: .info, message: "m", now: start) }
        // The first three, then the 5th, 10th, 15th after them.
        #expect(admitted == [1, 2, 3, 8, 13, 18])
        #expect(sampler.admits(level: .error, message: "m", now: start))
        #expect(sampler.admits(level: .info, message: "other", now: start))
        #expect(sampler.admits(level: .info, message: "m", now: start + .seconds(10)))
    }

    @Test func boundsWhatTheSamplerRemembers() {
        let sampler = LogSampler(.init(tick: .seconds(10), initial: 1, thereafter: 0))
        let now = ContinuousClock.now
        for number in 0..<(LogSampler.maximumMessages * 2) {
            #expect(sampler.admits(level: .info, message: "\(number)", now: now))
        }
        #expect(!sampler.admits(level: .info, message: "\(LogSampler.maximumMessages * 2 - 1)", now: now))
    }
}

struct MetricsRegistryTests {
    @Test func writesPrometheusText() {
        let registry = MetricsRegistry()
        registry.counter("otelcol_exporter_sent_profile_samples", help: "Sent", labels: ["exporter": "otlp/\"a\"\n"])
            .add(5)
        registry.counter("otelcol_exporter_sent_profile_samples", help: "Sent", labels: ["exporter": "b"]).add()
        registry.gauge("bpf.native.size", help: "a\\b", labels: ["otel.signal": "x"]).set(1.5)
        registry.observe("up", kind: .gauge) { 3 }
        #expect(
            registry.prometheusText(resource: ["service.name": "c"]) == """
                # HELP bpf_native_size a\\\\b
                # TYPE bpf_native_size gauge
                bpf_native_size{otel_signal="x"} 1.5
                # HELP otelcol_exporter_sent_profile_samples Sent
                # TYPE otelcol_exporter_sent_profile_samples counter
                otelcol_exporter_sent_profile_samples{exporter="b"} 1
                otelcol_exporter_sent_profile_samples{exporter="otlp/\\"a\\"\\n"} 5
                # TYPE up gauge
                up 3
                # HELP target_info Target metadata
                # TYPE target_info gauge
                target_info{service_name="c"} 1

                """)
    }

    @Test func writesHistograms() {
        let registry = MetricsRegistry()
        let histogram = registry.histogram("sizes", help: "Sizes", labels: ["p": "batch"], bounds: [1, 2.5])
        for value in [0.5, 1, 2, 3, 100] { histogram.record(value) }
        #expect(
            registry.prometheusText() == """
                # HELP sizes Sizes
                # TYPE sizes histogram
                sizes_bucket{p="batch",le="1"} 2
                sizes_bucket{p="batch",le="2.5"} 3
                sizes_bucket{p="batch",le="+Inf"} 5
                sizes_sum{p="batch"} 106.5
                sizes_count{p="batch"} 5

                """)
    }

    @Test func addsTypeSuffixesIfAsked() {
        let registry = MetricsRegistry()
        registry.counter("requests").add(2)
        #expect(registry.prometheusText(omitsTypeSuffix: false).contains("requests_total 2\n"))
    }

    @Test func givesTheSameMetricForTheSameName() async {
        let registry = MetricsRegistry()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { for _ in 0..<100 { registry.counter("c", labels: ["a": "1"]).add() } }
            }
        }
        #expect(registry.samples().map(\.value) == [800])
        registry.remove("c", labels: ["a": "1"])
        #expect(registry.samples().isEmpty)
    }

    @Test func readsTheProcess() throws {
        let registry = MetricsRegistry()
        ProcessMetrics.register(in: registry)
        let values = Dictionary(uniqueKeysWithValues: registry.samples().map { ($0.name, $0.value) })
        #expect(try #require(values["otelcol_process_memory_rss"]) > 1_000_000)
        #expect(try #require(values["otelcol_process_cpu_seconds"]) > 0)
        #expect(try #require(values["otelcol_process_uptime"]) >= 0)
    }
}
