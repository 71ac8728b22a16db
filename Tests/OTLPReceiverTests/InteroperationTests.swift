import Collector
import ExporterSupport
import ExporterTestSupport
import Foundation
import LiveSupport
import OTLP
import OTLPTestSupport
import Testing

@testable import OTLPReceiver

/// Against Python's messages and its clients of gRPC and HTTP.
struct OTLPReceiverInteroperationTests {
    /// By every way in: what was sent is what the pipeline gets.
    @Test(arguments: [
        ["--grpc"], ["--grpc", "--compression", "gzip"], ["--grpc", "--compression", "deflate"], ["--http"],
        ["--http", "--compression", "gzip"], ["--http", "--compression", "zstd"],
        ["--http", "--compression", "deflate"], ["--http", "--compression", "snappy"],
        ["--http", "--compression", "x-snappy-framed"], ["--http", "--compression", "lz4"],
        ["--http", "--json"], ["--http", "--json", "--compression", "gzip"],
        ["--http", "--json", "--compression", "zstd"],
    ])
    func everySignalArrivesUnchanged(way: [String]) async throws {
        guard try PythonPeer.isAvailable(), try PythonCodec.isAvailable() else { return }
        let receiver = try await ReceiverUnderTest()
        let options = (way[0] == "--grpc" ? receiver.grpc : receiver.http) + way.dropFirst()

        func expectSuccess(_ answer: PythonPeer.Answer, _ signal: String) {
            #expect(answer.code == (way[0] == "--grpc" ? "OK" : "200"), "\(signal): \(answer.message)")
            #expect(answer.body.map { [Data(), Data("{}".utf8)].contains($0) } == true)
            if way.contains("--json") { #expect(answer.contentType == "application/json") }
        }
        expectSuccess(try await PythonPeer.send(ExampleTelemetry.traces(), signal: "traces", options), "traces")
        expectSuccess(try await PythonPeer.send(ExampleTelemetry.metrics(), signal: "metrics", options), "metrics")
        expectSuccess(try await PythonPeer.send(ExampleTelemetry.logs(), signal: "logs", options), "logs")
        expectSuccess(try await PythonPeer.send(ExampleProfiles.small(), signal: "profiles", options), "profiles")
        try await receiver.shutdown()

        let telemetry = receiver.sink.deliveries.map(\.telemetry)
        guard case .traces(let traces)? = telemetry.first, traces == ExampleTelemetry.traces() else {
            Issue.record("traces differ")
            return
        }
        guard case .metrics(let metrics)? = telemetry.dropFirst().first, metrics == ExampleTelemetry.metrics() else {
            Issue.record("metrics differ")
            return
        }
        guard case .logs(let logs)? = telemetry.dropFirst(2).first, logs == ExampleTelemetry.logs() else {
            Issue.record("logs differ")
            return
        }
        guard case .profiles(let profiles)? = telemetry.dropFirst(3).first, profiles == ExampleProfiles.small() else {
            Issue.record("profiles differ")
            return
        }
        let transport = String(way[0].dropFirst(2))
        for item in telemetry {
            let name = "otelcol_receiver_accepted_\(item.signal.itemNoun)"
            #expect(receiver.metrics.value(name, transport: transport) == Double(item.itemCount))
        }
        #expect(receiver.sink.deliveries.allSatisfy { $0.context?.clientAddress == "127.0.0.1" })
    }

    @Test func tellsWhetherToRetry() async throws {
        guard try PythonPeer.isAvailable() else { return }
        let receiver = try await ReceiverUnderTest()
        let refusals: [any Error] = [
            CollectorError("busy"), RetryableError("later", delay: .milliseconds(2500)), PermanentError("never"),
        ]
        receiver.sink.refuse(refusals)
        var answers: [PythonPeer.Answer] = []
        for _ in refusals {
            answers.append(try await PythonPeer.send(ExampleTelemetry.logs(), signal: "logs", receiver.grpc))
        }
        #expect(answers.map(\.code) == ["UNAVAILABLE", "UNAVAILABLE", "INTERNAL"])
        #expect(answers.map(\.retrySeconds) == [nil, 2.5, nil])
        #expect(answers[0].message == "busy")

        receiver.sink.refuse(refusals)
        answers = []
        for _ in refusals {
            answers.append(try await PythonPeer.send(ExampleTelemetry.logs(), signal: "logs", receiver.http))
        }
        #expect(answers.map(\.code) == ["503", "503", "500"])
        #expect(answers.map(\.retryAfter) == [nil, "3", nil])
        let status = try OTLPStatus(serializedBytes: answers[2].body ?? Data())
        #expect(status.code == 13)
        #expect(status.message == "Permanent error: never")
        try await receiver.shutdown()
        for transport in ["grpc", "http"] {
            let refused = receiver.metrics.value("otelcol_receiver_refused_log_records", transport: transport)
            let items = Telemetry.logs(ExampleTelemetry.logs()).itemCount
            #expect(refused == Double(3 * items))
        }
    }

    @Test func takesEmptyBatchesWithoutTroublingThePipeline() async throws {
        guard try PythonPeer.isAvailable() else { return }
        let receiver = try await ReceiverUnderTest()
        receiver.sink.refuse([CollectorError("must not be asked")])
        #expect(try await PythonPeer.send(OTLPProfilesData(), signal: "profiles", receiver.grpc).code == "OK")
        #expect(try await PythonPeer.send(OTLPProfilesData(), signal: "profiles", receiver.http).code == "200")
        #expect(try await PythonPeer.send(OTLPTracesData(), signal: "traces", receiver.http + ["--json"]).code == "200")
        try await receiver.shutdown()
        #expect(receiver.sink.deliveries.isEmpty)
    }

    @Test func knowsOnlyTheSignalsThatPipelinesTake() async throws {
        guard try PythonPeer.isAvailable() else { return }
        let receiver = try await ReceiverUnderTest(signals: [.logs])
        #expect(
            try await PythonPeer.send(ExampleTelemetry.traces(), signal: "traces", receiver.grpc).code
                == "UNIMPLEMENTED")
        #expect(try await PythonPeer.send(ExampleTelemetry.traces(), signal: "traces", receiver.http).code == "404")
        #expect(try await PythonPeer.send(ExampleTelemetry.logs(), signal: "logs", receiver.http).code == "200")
        try await receiver.shutdown()
    }

    /// Over the limit of the protocol: refused for good, and the server goes on.
    @Test func boundsTheSizeOfMessages() async throws {
        guard try PythonPeer.isAvailable(), try PythonCodec.isAvailable() else { return }
        var configuration = ReceiverUnderTest.everything
        configuration.grpc?.maximumMessageBytes = 1 << 20
        configuration.http?.server.maximumBodyBytes = 1 << 20
        let receiver = try await ReceiverUnderTest(configuration)
        let size = try (ExampleTelemetry.logs().serializedBytes() as Data).count
        let many = ["--repeat", "\((2 << 20) / size)"]
        let few = ["--repeat", "\((1 << 19) / size)"]
        let logs = ExampleTelemetry.logs()
        #expect(try await PythonPeer.send(logs, signal: "logs", receiver.grpc + many).code == "RESOURCE_EXHAUSTED")
        #expect(try await PythonPeer.send(logs, signal: "logs", receiver.grpc + few).code == "OK")
        // A small body that stands for a large one.
        for coding in ["gzip", "zstd", "snappy", "x-snappy-framed", "lz4"] {
            let answer = try await PythonPeer.send(
                logs, signal: "logs", receiver.http + many + ["--compression", coding])
            #expect(answer.code == "400")
        }
        #expect(try await PythonPeer.send(logs, signal: "logs", receiver.http + few).code == "200")
        try await receiver.shutdown()
        let taken = receiver.sink.deliveries.reduce(0) { $0 + $1.telemetry.itemCount }
        #expect(taken == 2 * ((1 << 19) / size) * Telemetry.logs(logs).itemCount)
    }

    @Test func takesLargePayloads() async throws {
        guard try PythonPeer.isAvailable() else { return }
        var configuration = ReceiverUnderTest.everything
        configuration.grpc?.maximumMessageBytes = 64 << 20
        let receiver = try await ReceiverUnderTest(configuration)
        let size = try (ExampleTelemetry.logs().serializedBytes() as Data).count
        let repeats = (16 << 20) / size
        for way in [receiver.grpc, receiver.http] {
            let answer = try await PythonPeer.send(
                ExampleTelemetry.logs(), signal: "logs", way + ["--repeat", "\(repeats)"])
            #expect(["OK", "200"].contains(answer.code), "\(answer.message)")
        }
        try await receiver.shutdown()
        let items = Telemetry.logs(ExampleTelemetry.logs()).itemCount * repeats
        #expect(receiver.sink.deliveries.map(\.telemetry.itemCount) == [items, items])
    }

    @Test func showsThePipelineHeaderFieldsIfAskedTo() async throws {
        guard try PythonPeer.isAvailable() else { return }
        var configuration = ReceiverUnderTest.everything
        configuration.grpc?.includesMetadata = true
        configuration.http?.server.includesMetadata = true
        let receiver = try await ReceiverUnderTest(configuration)
        for way in [receiver.grpc, receiver.http] {
            _ = try await PythonPeer.send(ExampleTelemetry.logs(), signal: "logs", way + ["--header", "X-Tenant=blue"])
        }
        try await receiver.shutdown()
        let seen: [[String]?] = receiver.sink.deliveries.map { $0.context?.metadata["x-tenant"] }
        #expect(seen == [["blue"], ["blue"]])
    }
}
