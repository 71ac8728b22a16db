import Collector
import ExporterTestSupport
import Foundation
import LiveSupport
import OTLP
import OTLPTestSupport
import Testing

@testable import FileExporter

struct FileExporterTests {
    let folder: TemporaryFolder
    let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.path(of: "out.json")
    }

    func export(_ batches: [Telemetry], _ change: (inout FileConfiguration) -> Void = { _ in }) async throws {
        var configuration = FileConfiguration()
        configuration.path = path
        change(&configuration)
        let exporter = try await FileExporterFactory().makeExporter(
            signal: .profiles, configuration: configuration, context: LogRecorder().context(type: "file"))
        try await exporter.start(host: EmptyHost())
        for batch in batches { try await exporter.consume(batch) }
        try await exporter.shutdown()
    }

    var files: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted() }

    @Test func writesOneObjectALine() async throws {
        try await export([.profiles(ExampleProfiles.small()), .logs(ExampleTelemetry.logs())])
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 2)
        let profiles: OTLPProfilesData = try OTLPJSON.decode(from: Array(lines[0].utf8))
        #expect(profiles.resourceProfiles == ExampleProfiles.small().resourceProfiles)
        let logs: OTLPLogsData = try OTLPJSON.decode(from: Array(lines[1].utf8))
        #expect(logs.logRecordCount == 1)
    }

    @Test func writesFrames() async throws {
        try await export([.profiles(ExampleProfiles.small()), .profiles(ExampleProfiles.small())]) { $0.format = .proto }
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))[...]
        for _ in 0..<2 {
            let length = bytes.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            #expect(try OTLPProfilesData(serializedBytes: Data(bytes.dropFirst(4).prefix(length))) == ExampleProfiles.small())
            bytes = bytes.dropFirst(4 + length)
        }
        #expect(bytes.isEmpty)
    }

    @Test func truncatesOrAppends() async throws {
        func lineCount() throws -> Int { try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").count }
        try await export([.logs(ExampleTelemetry.logs())])
        try await export([.logs(ExampleTelemetry.logs())]) { $0.appends = true }
        #expect(try lineCount() == 2)
        try await export([.logs(ExampleTelemetry.logs())])
        #expect(try lineCount() == 1)
    }

    @Test func rotatesBetweenRecordsAndKeepsTheNewest() async throws {
        let batches = Array(repeating: Telemetry.logs(ExampleTelemetry.logs()), count: 10)
        let recordBytes = try FileExporter.json(batches[0]).count + 1
        try Data("other".utf8).write(to: URL(fileURLWithPath: folder.path(of: "out-notes.json")))
        try await export(batches) {
            $0.rotation = .init(maximumBytes: recordBytes * 2 + 1, maximumBackups: 3)
        }
        #expect(files.count == 5)
        #expect(files.contains("out.json") && files.contains("out-notes.json"))
        for file in files where file != "out-notes.json" {
            let text = try String(contentsOfFile: folder.path(of: file), encoding: .utf8)
            #expect(text.split(separator: "\n").count == 2)
            #expect(text.hasSuffix("\n"))
        }
    }

    @Test func makesFoldersIfAsked() async throws {
        let deep = folder.path(of: "a/b/out.json")
        await #expect(throws: CollectorError.self) { try await export([]) { $0.path = deep } }
        try await export([.logs(ExampleTelemetry.logs())]) {
            $0.path = deep
            $0.createsDirectory = true
        }
        #expect(FileManager.default.fileExists(atPath: deep))
    }

    /// Instances of several signals share one file: a second one must not cut it.
    @Test func signalsShareTheFile() async throws {
        var configuration = FileConfiguration()
        configuration.path = path
        let context = LogRecorder().context(type: "file")
        let factory = FileExporterFactory()
        let first = try await factory.makeExporter(signal: .logs, configuration: configuration, context: context)
        let second = try await factory.makeExporter(signal: .traces, configuration: configuration, context: context)
        try await first.start(host: EmptyHost())
        try await first.consume(.logs(ExampleTelemetry.logs()))
        try await second.start(host: EmptyHost())
        try await second.consume(.traces(ExampleTelemetry.traces()))
        try await first.shutdown()
        try await second.consume(.traces(ExampleTelemetry.traces()))
        try await second.shutdown()
        #expect(try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").count == 3)
    }

    @Test func decodesItsKeys() {
        let read = FileExporterFactory().decode
        let (configuration, errors, _) = decode(
            [("path", .string("/tmp/x")), ("rotation", .tree([("max_megabytes", .integer(1))])),
             ("format", .string("proto")), ("directory_permissions", .string("0700"))], with: read)
        #expect(errors.isEmpty)
        #expect(configuration.rotation == .init(maximumBytes: 1 << 20))
        #expect(configuration.directoryPermissions == 0o700)
        #expect(decode([], with: read).errors.count == 1)
        #expect(decode([("path", .string("x")), ("compression", .string("zstd"))], with: read).errors.count == 1)
    }
}
