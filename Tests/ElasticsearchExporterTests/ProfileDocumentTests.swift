import Collector
import ElasticsearchDouble
import ExporterTestSupport
import HostIdentity
import OTLP
import Testing

@testable import ElasticsearchExporter

/// Documents of profiles as the double stores them, whose templates check every field's type.
@Suite(.enabled(if: try ElasticsearchDouble.isAvailable()))
struct ProfileDocumentTests {
    let deepID = "fIT6zuZVTqWnEfA35IvWMA"

    @Test func classicSchema() async throws {
        let double = try await ElasticsearchDouble()
        let running = try await RunningExporter(double, .profiles)
        try await running.exporter.consume(.profiles(ProfileMessages.example()))
        try await running.exporter.shutdown()
        #expect(running.log.records.filter { $0.level >= .warning }.isEmpty, "\(running.log.messages)")
        #expect(running.count("otelcol_exporter_sent_profile_samples") == 2)

        let events = try await double.documents("profiling-events-all").map(\.source)
        #expect(events.count == 4)
        let common: [String: JSON] = [
            "ecs.version": "1.12.0", "host.id": "Host-1", "host.name": "Big", "orchestrator.resource.name": "pod-1",
            "container.id": "c1", "process.executable.name": "demo", "Stacktrace.sampling_frequency": 19,
            "Stacktrace.count": 1, "profiling.project.id": 2,
        ]
        for (time, trace, thread) in [
            ("2023-11-14T22:13:20Z", deepID, "worker"), ("2023-11-14T22:13:20.12Z", deepID, "worker"),
            ("2023-11-14T22:13:20.000000001Z", deepID, "worker"), ("2023-11-14T22:13:22Z", "", ""),
        ] {
            let event = try #require(events.first { $0["@timestamp"] == .string(time) })
            var expected = common
            expected["@timestamp"] = .string(time)
            expected["process.thread.name"] = .string(thread)
            expected["Stacktrace.id"] = trace.isEmpty ? event["Stacktrace.id"] : .string(trace)
            #expect(event.object == expected)
        }

        let traces = try await double.documents("profiling-stacktraces")
        #expect(traces.count == 2)
        let deep = try #require(traces.first { $0.id == deepID })
        #expect(
            deep.source == [
                "ecs.version": "1.12.0",
                "Stacktrace.frame.ids":
                    .string(
                        "p2g3A3zyKSKnaDcDfPIpIgAAAAAAAAAqYA3K_koRAADyvzjEk_X7kgAAAAAAAJq8"
                            + "YA3K_koRAADyvzjEk_X7kgAAAAAAAFZ4ABEiM0RVZneImaq7zN3u_wAAAAAAABI0"),
                "Stacktrace.frame.types": "AQECAwEE",
            ])

        let frames = try await double.documents("profiling-stackframes")
        #expect(Set(frames.map(\.id)) == [
            "ABEiM0RVZneImaq7zN3u_wAAAAAAABI0", "YA3K_koRAADyvzjEk_X7kgAAAAAAAJq8", "p2g3A3zyKSKnaDcDfPIpIgAAAAAAAAAq",
        ])
        // The function that holds the code first, what is inlined in it behind.
        #expect(
            frames.first { $0.id == "YA3K_koRAADyvzjEk_X7kgAAAAAAAJq8" }?.source == [
                "ecs.version": "1.12.0", "Stackframe.file.name": ["demo.c", "inner.h"],
                "Stackframe.function.name": ["outer", "inlined<int>"], "Stackframe.line.number": [30, 7],
            ])
        #expect(
            frames.first { $0.id == "ABEiM0RVZneImaq7zN3u_wAAAAAAABI0" }?.source == [
                "ecs.version": "1.12.0", "Stackframe.file.name": [""], "Stackframe.function.name": ["vfs_read"],
                "Stackframe.line.number": [0],
            ])

        let executables = try await double.documents("profiling-executables")
        #expect(Set(executables.map(\.id)) == ["ABEiM0RVZneImaq7zN3u_w", "YA3K_koRAADyvzjEk_X7kg"])
        let native = try #require(executables.first { $0.id == "YA3K_koRAADyvzjEk_X7kg" }?.source)
        #expect(native["Executable.build.id"] == "YA3K_koRAADyvzjEk_X7kg")
        #expect(native["Executable.file.name"] == "demo")
        #expect(native["ecs.version"] == "1.12.0")
        let week = try #require(native["@timestamp"]?.integer)
        // A Monday at midnight.
        #expect((week - 345_600) % 604_800 == 0)

        let hosts = try await double.documents("profiling-hosts").map(\.source)
        #expect(hosts.count == 1)
        #expect(hosts.first?["host.id"] == "Host-1")
        #expect(hosts.first?["host.arch"] == "amd64" && hosts.first?["host.name"] == "big")
        #expect(hosts.first?["process.pid"] == nil)
        #expect(try await double.documents("profiling-sq-*").isEmpty)
        #expect(try await double.documents("profiling-events-5pow*").isEmpty)
        for name in ["events-all", "stacktraces", "stackframes", "executables"] {
            #expect(try await double.unmappedFields("profiling-\(name)") == [], "\(name)")
        }
    }

    @Test func actionsAreThoseOfTheSchema() async throws {
        let double = try await ElasticsearchDouble()
        let running = try await RunningExporter(double, .profiles) { $0.profiles.fillsSymbolizationQueues = true }
        try await running.exporter.consume(.profiles(ProfileMessages.example()))
        try await running.exporter.shutdown()
        let actions = try await double.requests().flatMap(\.actions)
        for action in actions {
            let (operation, details) = try #require(action.first)
            let index = details["_index"]?.string ?? ""
            #expect(operation == (index == "profiling-executables" ? "update" : "create"))
            #expect(details["require_data_stream"] == (index == "profiling-events-all" ? true : nil))
            let hasID = index != "profiling-events-all" && index != "profiling-hosts"
            #expect((details["_id"] != nil) == hasID, "\(index)")
        }
        #expect(
            try await double.documents("profiling-sq-leafframes").map(\.id) == ["YA3K_koRAADyvzjEk_X7kgAAAAAAAFZ4"])
        let queued = try await double.documents("profiling-sq-executables")
        #expect(queued.map(\.id) == ["YA3K_koRAADyvzjEk_X7kg"])
        #expect(queued.first?.source["Executable.file.id"] == ["YA3K_koRAADyvzjEk_X7kg"])
        #expect(queued.first?.source["Symbolization.retries"] == 0)
    }

    @Test func nothingIsSentTwice() async throws {
        let double = try await ElasticsearchDouble()
        let running = try await RunningExporter(double, .profiles)
        for _ in 0..<3 { try await running.exporter.consume(.profiles(ProfileMessages.example())) }
        let requests = try await double.requests()
        #expect(requests.map(\.actions.count) == [4 + 2 + 3 + 2 + 1, 4, 4])
        // Another exporter knows nothing of it: what is there already is no error.
        let other = try await RunningExporter(double, .profiles)
        try await other.exporter.consume(.profiles(ProfileMessages.example()))
        #expect(other.log.records.filter { $0.level >= .warning }.isEmpty)
        #expect(other.count("otelcol_exporter_send_failed_profile_samples") == 0)
        #expect(
            other.count("otelcol_elasticsearch_docs_processed", ["http_response_status_code": "409"]) == 5)
        try await other.exporter.consume(.profiles(ProfileMessages.example()))
        #expect(try await double.requests().last?.actions.count == 4)
        try await running.exporter.shutdown()
        try await other.exporter.shutdown()
    }

    /// A trace that was refused goes again with the next batch; those that were taken do not.
    @Test func onlyAcknowledgedDocumentsAreRemembered() async throws {
        let double = try await ElasticsearchDouble()
        let running = try await RunningExporter(double, .profiles) { $0.retry.isEnabled = false }
        try await double.answer(#"[{"status": 503}]"#)
        await #expect(throws: PermanentError.self) {
            try await running.exporter.consume(.profiles(ProfileMessages.example()))
        }
        #expect(running.count("otelcol_exporter_send_failed_profile_samples") == 2)
        let first = try #require(try await double.requests().last).actions.count
        try await running.exporter.consume(.profiles(ProfileMessages.example()))
        #expect(try await double.requests().last?.actions.count == 12)
        #expect(first == 0)
        #expect(try await double.documents("profiling-stacktraces").count == 2)
        try await running.exporter.shutdown()
    }

    @Test func otelSchema() async throws {
        let double = try await ElasticsearchDouble(["--version", "9.6.0"])
        let running = try await RunningExporter(double, .profiles) { $0.profiles.schema = .auto }
        try await running.exporter.consume(.profiles(ProfileMessages.example()))
        try await running.exporter.shutdown()
        #expect(running.log.records.filter { $0.level >= .warning }.isEmpty)
        let events = try await double.documents("profiling-events-all.otel-default").map(\.source)
        #expect(events.count == 4)
        #expect(
            events.first { $0["@timestamp"] == "2023-11-14T22:13:20Z" } == [
                "@timestamp": "2023-11-14T22:13:20Z", "stacktrace.id": .string(deepID), "sampling_frequency": 19,
                "count": 1,
                "resource": [
                    "attributes": [
                        "host.id": "Host-1", "thread.name": "worker", "process.executable.name": "demo",
                        "k8s.pod.name": "pod-1", "container.id": "c1", "host.name": "Big",
                    ]
                ],
            ])
        let trace = try #require(
            try await double.documents("profiling-stacktraces.otel-default").first { $0.id == deepID }?.source)
        #expect(trace["frame.types"] == "AQECAwEE")
        #expect(trace["@timestamp"] == "2023-11-14T22:13:20Z")
        #expect(
            try await double.documents("profiling-stackframes.otel-default").first { $0.id.hasPrefix("p2g3") }?.source
                == [
                    "@timestamp": "2023-11-14T22:13:20Z", "function.filename": ["app.py"], "function.name": ["main"],
                    "line.number": [42],
                ])
        let executable = try #require(
            try await double.documents("profiling-executables.otel-default")
                .first { $0.id == "YA3K_koRAADyvzjEk_X7kg" })
        #expect(
            executable.source["resource"]?["attributes"] == [
                "process.executable.build_id.htlhash": "600dcafe4a110000f2bf38c493f5fb92",
                "process.executable.name": "demo",
            ])
        let host = try await double.documents("profiling-hosts.otel-default").first?.source["resource"]
        #expect(host?["attributes"]?["host.id"] == "Host-1")
        for name in ["events-all", "stacktraces", "stackframes", "executables", "hosts"] {
            #expect(try await double.unmappedFields("profiling-\(name).otel-default") == [], "\(name)")
        }
        let actions = try await double.requests().flatMap(\.actions)
        #expect(actions.allSatisfy { $0["create"]?["require_data_stream"] == true })
    }

    @Test(arguments: [("8.19.3", false), ("9.2.0", false), ("9.5.9", false), ("9.6.0", true), ("10.0.1", true)])
    func schemaFollowsTheServersVersion(version: String, isOTel: Bool) async throws {
        let double = try await ElasticsearchDouble(["--version", version])
        let running = try await RunningExporter(double, .profiles) { $0.profiles.schema = .auto }
        try await running.exporter.consume(.profiles(ProfileMessages.example()))
        try await running.exporter.shutdown()
        #expect(try await double.documents("profiling-events-all.otel-default").count == (isOTel ? 4 : 0))
        #expect(try await double.documents("profiling-events-all").count == (isOTel ? 0 : 4))
    }

    @Test func missingTemplatesAreSaidOnce() async throws {
        let double = try await ElasticsearchDouble(["--no-profiling"])
        let running = try await RunningExporter(double, .profiles) { $0.profiles.schema = .auto }
        await #expect(throws: PermanentError.self) {
            try await running.exporter.consume(.profiles(ProfileMessages.example()))
        }
        try await running.exporter.shutdown()
        #expect(running.log.messages.filter { $0.contains("xpack.profiling.templates.enabled") }.count == 1)
        #expect(
            running.count("otelcol_elasticsearch_docs_processed", ["error_type": "index_not_found_exception"]) >= 4)
    }

    /// Off-CPU profiles: counted, said once, and no failure of the others.
    @Test func otherSampleTypesAreCounted() async throws {
        let double = try await ElasticsearchDouble()
        let running = try await RunningExporter(double, .profiles)
        let message = ProfileMessages.example { data in
            let strings = data.dictionary.stringTable.count
            data.dictionary.stringTable += ["off_cpu", "nanoseconds"]
            var profile = data.resourceProfiles[0].scopeProfiles[0].profiles[0]
            profile.sampleType.typeStrindex = Int32(strings)
            profile.sampleType.unitStrindex = Int32(strings + 1)
            data.resourceProfiles[0].scopeProfiles[0].profiles.append(profile)
        }
        for _ in 0..<2 { try await running.exporter.consume(.profiles(message)) }
        try await running.exporter.shutdown()
        #expect(try await double.documents("profiling-events-all").count == 8)
        #expect(running.count("otelcol_elasticsearch_unsupported_samples") == 4)
        #expect(running.count("otelcol_exporter_sent_profile_samples") == 4)
        #expect(running.count("otelcol_exporter_send_failed_profile_samples") == 4)
        let lines = running.log.records.filter { $0.level >= .warning }
        #expect(lines.count == 1)
        #expect(lines.first?.metadata["sample_type"] == "off_cpu/nanoseconds")
    }

    @Test func hostsAreFilledIn() async throws {
        let double = try await ElasticsearchDouble()
        let running = try await RunningExporter(double, .profiles)
        let bare = ProfileMessages.example { $0.resourceProfiles[0].resource.attributes = [] }
        try await running.exporter.consume(.profiles(bare))
        let own = HostIdentity.current()
        let event = try #require(try await double.documents("profiling-events-all").first?.source)
        #expect(event["host.id"]?.string == own.id && !own.id.isEmpty)
        #expect(event["host.name"]?.string == own.name)
        #expect(try await double.documents("profiling-hosts").first?.source["host.arch"] != nil)
        try await running.exporter.shutdown()

        let other = try await ElasticsearchDouble()
        let plain = try await RunningExporter(other, .profiles) { $0.profiles.fillsHost = false }
        try await plain.exporter.consume(.profiles(bare))
        try await plain.exporter.shutdown()
        #expect(try await other.documents("profiling-events-all").first?.source["host.id"] == "")
        #expect(try await other.documents("profiling-hosts").isEmpty)
    }

    @Test func downsampledEventsIfAsked() async throws {
        let double = try await ElasticsearchDouble()
        let running = try await RunningExporter(double, .profiles) { $0.profiles.writesDownsampledEvents = true }
        let message = ProfileMessages.example {
            $0.resourceProfiles[0].scopeProfiles[0].profiles[0].samples[0].values = [2000, 0, -5]
        }
        try await running.exporter.consume(.profiles(message))
        try await running.exporter.shutdown()
        #expect(try await double.documents("profiling-events-all").count == 2001)
        // A fifth of 2001 is 400; 18 is the standard deviation.
        let first = try await double.documents("profiling-events-5pow01").count
        let second = try await double.documents("profiling-events-5pow02").count
        #expect((400 - 120...400 + 120).contains(first))
        #expect((80 - 55...80 + 55).contains(second))
    }
}
