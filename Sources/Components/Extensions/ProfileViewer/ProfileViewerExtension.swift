import Collector
import Logging
import ProfileStore
import ProfileViewer
import Synchronization

/// Extension `profileviewer`: shows the profiles of the exporter `profilestore` in a browser.
///
/// ```yaml
/// extensions:
///   profileviewer:
///     endpoint: localhost:7373
/// ```
///
/// It shows the store that a running exporter `profilestore` writes; `directory` names one where there are several.
/// Exporter and extension find the same store by its directory, through a `ProfileStoreRegistry`. Without the exporter
/// the extension shows what an earlier run stored.
public struct ProfileViewerExtensionFactory: ExtensionFactory {
    public struct Configuration: Sendable, Equatable {
        public var viewer: ViewerConfiguration
        /// Nil for that of the only exporter.
        public var directory: String?
    }

    public let type = "profileviewer"
    public let stability = Stability.alpha

    private let registry: ProfileStoreRegistry

    /// - Parameter registry: where the exporter `profilestore` opens its store.
    public init(registry: ProfileStoreRegistry = .shared) {
        self.registry = registry
    }

    public func decode(_ section: ConfigurationSection) -> Configuration {
        let fallback = ViewerConfiguration()
        let endpoint = section.string("endpoint", default: fallback.endpoint)
        let allowedHosts = section.strings("allowed_hosts")
        var viewer = ViewerConfiguration(endpoint: endpoint, allowedHosts: allowedHosts)
        if viewer == nil {
            section.error("endpoint", "\"\(endpoint)\" is not host:port, for example \(fallback.endpoint)")
        }
        let directory = section.optionalString("directory")
        if directory?.isEmpty == true { section.error("directory", "requires the directory of the exporter profilestore") }
        viewer = viewer ?? fallback
        return Configuration(viewer: viewer ?? fallback, directory: directory)
    }

    public func makeExtension(configuration: Configuration, context: ComponentContext) async throws -> any Extension {
        ProfileViewerExtension(configuration: configuration, logger: context.logger, registry: registry)
    }
}

final class ProfileViewerExtension: Extension {
    private let configuration: ProfileViewerExtensionFactory.Configuration
    private let logger: Logger
    private let registry: ProfileStoreRegistry
    private let running = Mutex<(store: ProfileStore, server: ProfileViewerServer)?>(nil)
    private let listeningPort = Mutex<Int?>(nil)

    init(
        configuration: ProfileViewerExtensionFactory.Configuration, logger: Logger, registry: ProfileStoreRegistry
    ) {
        self.configuration = configuration
        self.logger = logger
        self.registry = registry
    }

    /// The port listened on, while it is.
    var port: Int? { listeningPort.withLock { $0 } }

    /// Not before: only now the exporters have opened their stores.
    func pipelinesAreReady() async throws {
        let store = try await registry.open(
            StoreConfiguration(directory: try directory()), writes: false, logger: logger)
        let server = ProfileViewerServer(store: store, configuration: configuration.viewer, logger: logger)
        do {
            let port = try await server.start()
            listeningPort.withLock { $0 = port }
            running.withLock { $0 = (store, server) }
            var shown = configuration.viewer
            shown.port = port
            if shown.host == "0.0.0.0" || shown.host == "::" {
                logger.warning(
                    "the profile viewer listens on all addresses: everybody who reaches this machine can see its profiles",
                    metadata: ["endpoint": "\(shown.endpoint)"])
            }
            logger.info("profile viewer is ready", metadata: ["address": "http://\(shown.endpoint)/"])
        } catch {
            await registry.close(store)
            throw error
        }
    }

    func shutdown() async throws {
        guard let (store, server) = running.withLock({ $0.take() }) else { return }
        await server.shutdown()
        await registry.close(store)
    }

    private func directory() throws -> String {
        if let directory = configuration.directory { return directory }
        let written = registry.writtenDirectories
        guard written.count < 2 else {
            throw CollectorError(
                "the exporters profilestore keep profiles in \(written.joined(separator: " and in ")); set `directory` "
                    + "of the profile viewer to the one to show")
        }
        return written.first ?? StoreConfiguration.defaultDirectory
    }
}
