import Collector
import ExporterTestSupport
import Foundation
import LiveSupport
import OTLP
import OTLPTestSupport
import Testing

@testable import DebugExporter

struct DebugExporterTests {
    let log = LogRecorder()

    func exporter(_ change: (inout DebugConfiguration) -> Void = { _ in }) -> DebugExporter {
        var configuration = DebugConfiguration()
        change(&configuration)
        return DebugExporter(configuration: configuration, context: log.context(type: "debug"))
    }

    @Test func basicCounts() async throws {
        try await exporter().consume(.profiles(ExampleProfiles.small()))
        try await exporter().consume(.metrics(ExampleTelemetry.metrics()))
        try await exporter().consume(.traces(ExampleTelemetry.traces()))
        try await exporter().consume(.logs(ExampleTelemetry.logs()))
        #expect(log.messages == ["Profiles", "Metrics", "Traces", "Logs"])
        #expect(log.records[0].metadata == ["resource profiles": "1", "sample records": "2"])
        #expect(log.records[1].metadata == ["resource metrics": "1", "metrics": "3", "data points": "4"])
    }

    @Test func normalHasOneLineForEachRecord() {
        #expect(
            NormalFormat.text(of: .profiles(ExampleProfiles.small())) == """
                ResourceProfiles #0 [https://opentelemetry.io/schemas/1.37.0] process.pid=1234 process.executable.name=demo
                ScopeProfiles #0 example@1
                abababababababababababababababab samples=2
                """)
        #expect(
            NormalFormat.text(of: .metrics(ExampleTelemetry.metrics())) == """
                ResourceMetrics #0 service.name=shop empty=
                ScopeMetrics #0 library@2.0
                requests{route=/} -9007199254740993
                requests{} 2
                latency{} count=3 sum=6.0 min=1.0 max=3.0 le1.5=1 2
                temperature{} 21.25
                """)
    }

    /// What the reference leaves out or gets wrong: all rows of the tables, links, timestamps and stacks.
    @Test func detailedShowsTablesAndStacks() {
        let text = DetailedFormat.text(of: .profiles(ExampleProfiles.small()))
        for line in [
            "     -> #1 profile.frame.type: Str(native)", "     -> #4 thread.id: Int(4711)",
            "     -> #1 Trace ID: 0102030405060708090a0b0c0d0e0f10 Span ID: 0102030405060708",
            "    Sample type            : samples/count",
            "        Timestamps: 2023-11-14 22:13:20.000000000 UTC, 2023-11-14 22:13:21.000000000 UTC",
            "        Link: 0102030405060708090a0b0c0d0e0f10 0102030405060708",
            """
                    Stack:
                        inner<int> (demo+0x1200)
                        outer demo.c:30 (demo+0x1200)
                        main demo.c:12 (demo+0x1100)
            """,
        ] {
            #expect(text.contains(line), "\(line)")
        }
    }

    @Test func indicesOutOfRangeGivePlaceholders() {
        var data = ExampleProfiles.small()
        data.resourceProfiles[0].scopeProfiles[0].profiles[0].samples[0].stackIndex = -5
        data.resourceProfiles[0].scopeProfiles[0].profiles[0].samples[0].linkIndex = 77
        data.resourceProfiles[0].scopeProfiles[0].profiles[0].attributeIndices = [.max]
        data.dictionary.locationTable[1].lines[0].functionIndex = 99
        data.dictionary.functionTable[1].nameStrindex = .min
        let text = DetailedFormat.text(of: .profiles(data))
        #expect(text.contains("[Missing Dictionary Stack #-5]"))
        #expect(text.contains("[Missing Dictionary Link #77]"))
        #expect(text.contains("[Missing Dictionary Attribute #2147483647]"))
        #expect(text.contains("[Missing Dictionary Function #99]"))
        #expect(text.contains("[Missing Dictionary String #-2147483648]"))
        data.clearDictionary()
        #expect(NormalFormat.text(of: .profiles(data)).contains("samples=2"))
        #expect(DetailedFormat.text(of: .profiles(data)).contains("[Missing Dictionary Stack #2]"))
    }

    @Test func detailedOfOtherSignals() {
        let logs = DetailedFormat.text(of: .logs(ExampleTelemetry.logs()))
        #expect(logs.contains("Body: Str(snow \u{2603} \"quoted\")"))
        #expect(logs.contains("     -> bytes: Bytes(AP8=)"))
        #expect(DetailedFormat.text(of: .traces(ExampleTelemetry.traces())).contains("    Name           : GET /"))
        #expect(DetailedFormat.text(of: .metrics(ExampleTelemetry.metrics())).contains("Buckets #1, Count: 2"))
    }

    @Test func timesAreRight() {
        #expect(timeText(0) == "1970-01-01 00:00:00.000000000 UTC")
        #expect(timeText(951_782_400_000_000_001) == "2000-02-29 00:00:00.000000001 UTC")
        #expect(timeText(.max) == "2554-07-21 23:34:33.709551615 UTC")
    }

    @Test func writesToFiles() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path(of: "out.txt")
        let exporter = exporter {
            $0.usesInternalLogger = false
            $0.outputPaths = [path]
            $0.verbosity = .normal
        }
        try await exporter.start(host: EmptyHost())
        try await exporter.consume(.logs(ExampleTelemetry.logs()))
        try await exporter.shutdown()
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text.hasPrefix("Logs resource logs: 1, log records: 1\nResourceLog #0 service.name=shop"))
        #expect(log.messages.isEmpty)
    }

    @Test func samplesPerSecond() {
        var sampler = Sampler(initial: 2, thereafter: 3)
        let start = ContinuousClock.now
        for expected in [true, true, false, false, true, false, false, true, false] {
            let isAdmitted = sampler.admits(at: start)
            #expect(isAdmitted == expected)
        }
        let isAdmittedLater = sampler.admits(at: start + .seconds(1))
        #expect(isAdmittedLater)
        var all = Sampler(initial: 0, thereafter: 1)
        var none = Sampler(initial: 1, thereafter: 0)
        for index in 0..<5 {
            let (byAll, byNone) = (all.admits(at: start), none.admits(at: start))
            #expect(byAll)
            #expect(byNone == (index == 0))
        }
    }

    @Test func decodesItsKeys() {
        let factory = DebugExporterFactory()
        let (configuration, errors, _) = decode(
            [("verbosity", .string("Detailed")), ("use_internal_logger", .boolean(false))], with: factory.decode)
        #expect(configuration.verbosity == .detailed)
        #expect(errors.isEmpty)
        #expect(decode([("verbosity", .string("none"))], with: factory.decode).errors.count == 1)
        #expect(decode([("output_paths", .list([.init(.string("x"))]))], with: factory.decode).errors.count == 1)
    }
}
