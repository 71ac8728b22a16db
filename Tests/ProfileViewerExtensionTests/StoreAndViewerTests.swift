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

    @Test func theExtensionShowsWhatTheExporterStores() async throws {
        let directory = NSTemporaryDirectory() + "store-and-viewer-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let exporterFactory = ProfileStoreExporterFactory()
        let exporterContext = context(.exporter, "profilestore")
        let exporter = try await exporterFactory.makeExporter(
            signal: .profiles, configuration: decode(exporterFactory, [("directory", .string(directory))]).0,
            context: exporterContext)
        let viewerFactory = ProfileViewerExtensionFactory()
        let viewer = try #require(
            try await viewerFactory.makeExtension(
                configuration: decode(
                    viewerFactory, [("directory", .string(directory + "/")), ("endpoint", .string("localhost:0"))]
                ).0, context: context(.extension, "profileviewer")) as? ProfileViewerExtension)
        // The Collector's order: extensions first.
        try await viewer.start(host: NoHost())
        try await exporter.start(host: NoHost())
        let now = UInt64(Date().timeIntervalSince1970)
        var host = SyntheticHost()
        try await exporter.consume(.profiles(host.message(distinctStacks: 20, window: now - 20..<now - 10)))
        let port = try #require(viewer.port)
        let url = try #require(URL(string: "http://localhost:\(port)/api/v1/functions?from=\(now - 60)&to=\(now + 60)"))
        let body = try await URLSession.shared.data(from: url).0
        #expect(String(decoding: body, as: UTF8.self).contains("vfs_read"))
        await #expect(throws: PermanentError.self) { try await exporter.consume(.logs(.init())) }
        try await exporter.shutdown()
        try await viewer.shutdown()
        let sent = exporterContext.metrics.samples().first { $0.name == "otelcol_exporter_sent_profile_samples" }
        #expect(sent?.value == 20)
    }

    @Test func configurationsAreChecked() {
        let (defaults, none) = decode(ProfileStoreExporterFactory(), [])
        #expect(defaults == StoreConfiguration())
        #expect(none == [])
        let (viewer, alsoNone) = decode(ProfileViewerExtensionFactory(), [])
        #expect(viewer.viewer == ViewerConfiguration())
        #expect(viewer.directory == defaults.directory)
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
