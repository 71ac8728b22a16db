import Collector
import Foundation
import FoundationNetworking
import Logging
import ProfileStore
import ProfileStoreExporter
import ProfileViewer
import SyntheticProfiles
import Testing

@testable import ProfileViewerExtension

private struct NoHost: Collector.Host {
    func report(_ status: ComponentStatus) {}
    func runningExtension(_ id: ComponentID) -> (any Extension)? { nil }
    var extensions: [ComponentID: any Extension] { [:] }
}

/// Exporter and extension as a configuration joins them.
struct StoreAndViewerTests {
    private let registry = ProfileStoreRegistry()
    private let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    private func context(_ kind: ComponentKind, _ type: String) -> ComponentContext {
        ComponentContext(
            kind: kind, id: ComponentID(type: type), logger: logger,
            build: BuildInformation(command: "otelcol", description: "", version: "0"), metrics: MetricsRegistry())
    }

    private func decode<Factory: ComponentFactory>(
        _ factory: Factory, _ entries: [(String, ConfigurationNode.Value)]
    ) -> (Factory.Configuration, [String]) {
        let diagnostics = ConfigurationDiagnostics()
        let map = ConfigurationMap(entries.map { .init(key: $0.0, node: ConfigurationNode($0.1)) })
        let section = ConfigurationSection(
            path: "x::\(factory.type)", node: ConfigurationNode(.map(map)), diagnostics: diagnostics)
        let configuration = factory.decode(section)
        section.finish()
        return (configuration, diagnostics.errors.map { "\($0)" })
    }

    private func makeExporter(_ directory: String, context: ComponentContext? = nil) async throws -> any Exporter {
        let factory = ProfileStoreExporterFactory(registry: registry)
        return try await factory.makeExporter(
            signal: .profiles, configuration: decode(factory, [("directory", .string(directory))]).0,
            context: context ?? self.context(.exporter, "profilestore"))
    }

    /// - Parameter directory: nil for a configuration without that key.
    private func makeViewer(_ directory: String?) async throws -> ProfileViewerExtension {
        let factory = ProfileViewerExtensionFactory(registry: registry)
        let entries: [(String, ConfigurationNode.Value)] =
            [("endpoint", .string("localhost:0"))] + (directory.map { [("directory", .string($0))] } ?? [])
        return try #require(
            try await factory.makeExtension(
                configuration: decode(factory, entries).0, context: context(.extension, "profileviewer"))
                as? ProfileViewerExtension)
    }

    private func withFolder(_ body: (String) async throws -> Void) async throws {
        let directory = NSTemporaryDirectory() + "store-and-viewer-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try await body(directory)
    }

    @Test(arguments: [true, false])
    func theExtensionShowsWhatTheExporterStores(isNamed: Bool) async throws {
        try await withFolder { directory in
            let exporterContext = context(.exporter, "profilestore")
            let exporter = try await makeExporter(directory, context: exporterContext)
            let viewer = try await makeViewer(isNamed ? directory + "/" : nil)
            // The Collector's order.
            try await viewer.start(host: NoHost())
            try await exporter.start(host: NoHost())
            try await viewer.pipelinesAreReady()
            let now = UInt64(Date().timeIntervalSince1970)
            var host = SyntheticHost()
            try await exporter.consume(.profiles(host.message(distinctStacks: 20, window: now - 20..<now - 10)))
            let port = try #require(viewer.port)
            let url = try #require(
                URL(string: "http://localhost:\(port)/api/v1/functions?from=\(now - 60)&to=\(now + 60)"))
            let body = try await URLSession.shared.data(from: url).0
            #expect(String(decoding: body, as: UTF8.self).contains("vfs_read"))
            await #expect(throws: PermanentError.self) { try await exporter.consume(.logs(.init())) }
            try await exporter.shutdown()
            try await viewer.shutdown()
            let sent = exporterContext.metrics.samples().first { $0.name == "otelcol_exporter_sent_profile_samples" }
            #expect(sent?.value == 20)
        }
    }

    @Test func amongSeveralStoresOneMustBeNamed() async throws {
        try await withFolder { directory in
            let exporters = [try await makeExporter(directory + "/a"), try await makeExporter(directory + "/b")]
            for exporter in exporters { try await exporter.start(host: NoHost()) }
            let undecided = try await makeViewer(nil)
            let error = await #expect(throws: CollectorError.self) { try await undecided.pipelinesAreReady() }
            let text = error.map { "\($0)" } ?? ""
            #expect(text.contains("\(directory)/a and in \(directory)/b") && text.contains("`directory`"))
            try await undecided.shutdown()
            let named = try await makeViewer(directory + "/b")
            try await named.pipelinesAreReady()
            #expect(named.port != nil)
            try await named.shutdown()
            for exporter in exporters { try await exporter.shutdown() }
        }
    }

    @Test func withoutExporterAnEarlierRunIsShown() async throws {
        try await withFolder { directory in
            let exporter = try await makeExporter(directory)
            try await exporter.start(host: NoHost())
            try await exporter.shutdown()
            let viewer = try await makeViewer(directory)
            try await viewer.pipelinesAreReady()
            #expect(registry.writtenDirectories == [])
            try await viewer.shutdown()
        }
    }

    @Test func configurationsAreChecked() {
        let (defaults, none) = decode(ProfileStoreExporterFactory(), [])
        #expect(defaults == StoreConfiguration())
        #expect(none == [])
        let (viewer, alsoNone) = decode(ProfileViewerExtensionFactory(), [])
        #expect(viewer.viewer == ViewerConfiguration())
        #expect(viewer.directory == nil)
        #expect(alsoNone == [])
        let (_, wrong) = decode(
            ProfileViewerExtensionFactory(), [("endpoint", .string("nonsense")), ("directry", .string("/x"))])
        #expect(wrong.count == 2)
        #expect(wrong.contains { $0.contains("x::profileviewer::endpoint") })
        #expect(wrong.contains { $0.contains("directory") })
        let (_, empty) = decode(ProfileStoreExporterFactory(), [("directory", .string(""))])
        #expect(empty.count == 1)
    }
}
