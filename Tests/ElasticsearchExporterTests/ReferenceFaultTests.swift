import Collector
import ElasticsearchDouble
import OTLP
import Testing

@testable import ElasticsearchExporter

/// Where Elastic's own exporter is known to lose or repeat something. Other faults of its have their tests beside what
/// they are about.
@Suite(.enabled(if: try ElasticsearchDouble.isAvailable()))
struct ReferenceFaultTests {
    /// An empty list means none, not the default.
    @Test func noDocumentIsRetriedIfNoneMayBe() async throws {
        let double = try await ElasticsearchDouble()
        try await double.answer(#"[{"items": {"1": {"status": 429}}}]"#)
        let running = try await RunningExporter(double, .logs) { $0.retry.documentStatuses = [] }
        await #expect(throws: PermanentError.self) { try await running.exporter.consume(logs(0..<3)) }
        try await running.exporter.shutdown()
        #expect(try await double.logBodies() == [0, 2])
        #expect(running.count("otelcol_elasticsearch_docs_retried") == 0)
        #expect(running.count("otelcol_exporter_send_failed_log_records") == 1)
    }

    /// Zero retries are zero, not the default of two.
    @Test func noRetriesAreNone() async throws {
        let double = try await ElasticsearchDouble()
        try await double.answer(#"[{"status": 503}]"#)
        let running = try await RunningExporter(double, .logs) { $0.retry.maximumRetries = 0 }
        await #expect(throws: PermanentError.self) { try await running.exporter.consume(logs(0..<3)) }
        try await running.exporter.shutdown()
        #expect(try await double.requests().count == 1)
        #expect(running.count("otelcol_exporter_send_failed_log_records") == 3)
    }

    /// Documents that are there already are no failure in the data streams of the newer schema either.
    @Test func conflictsInDataStreamsOfProfilesAreNone() async throws {
        let double = try await ElasticsearchDouble(["--version", "9.6.0"])
        for _ in 0..<2 {
            let running = try await RunningExporter(double, .profiles) { $0.profiles.schema = .otel }
            try await running.exporter.consume(.profiles(ProfileMessages.example()))
            try await running.exporter.shutdown()
            #expect(running.log.records.filter { $0.level >= .warning }.isEmpty)
            #expect(running.count("otelcol_exporter_sent_profile_samples") == 2)
        }
        #expect(try await double.documents("profiling-stacktraces.otel-default").count == 2)
    }

    /// An executable's document says in which week it was seen: it goes again in the next one, not in between.
    @Test func executablesGoOnceAWeek() async throws {
        let seen = SeenDocuments(lifetime: .seconds(10 * 86_400))
        func executables(_ seconds: UInt64) async -> Int {
            let data = ProfileMessages.example()
            var encoder = ProfilesEncoder(
                dictionary: data.dictionary, schema: .classic, settings: ProfileSettings(), seen: seen, host: nil,
                now: seconds * 1_000_000_000, instant: ContinuousClock.now)
            var buffer = BulkBuffer()
            for resource in data.resourceProfiles { await encoder.encode(resource, to: &buffer) }
            seen.confirm(buffer.documents.compactMap(\.identity), now: ContinuousClock.now)
            return buffer.documents.count { buffer.targets[$0.target] == "profiling-executables" }
        }
        // The Monday of 2023-11-13 is 1,699,833,600.
        #expect(await executables(1_699_833_600) == 2)
        #expect(await executables(1_700_438_399) == 0)
        #expect(await executables(1_700_438_400) == 2)
    }

    /// A frame without a type, or with one that nobody knows, is unknown; the rest of the profile is what it was.
    @Test func framesWithoutATypeAreUnknown() async throws {
        let double = try await ElasticsearchDouble()
        let running = try await RunningExporter(double, .profiles)
        let message = ProfileMessages.example { data in
            for index in data.dictionary.locationTable.indices
            where data.dictionary.locationTable[index].address == 0x5678 {
                data.dictionary.locationTable[index].attributeIndices = [Int32(data.dictionary.attributeTable.count)]
            }
        }
        try await running.exporter.consume(.profiles(message))
        try await running.exporter.shutdown()
        let trace = try await double.documents("profiling-stacktraces").first { $0.id == "fIT6zuZVTqWnEfA35IvWMA" }
        // Root first: one cpython (1), one native (3), one unknown (0), one kernel (4); encoded with base64(1).
        #expect(trace?.source["Stacktrace.frame.types"] == "AQEBAwEAAQQ")
        #expect(try await double.documents("profiling-events-all").count == 4)
    }
}
