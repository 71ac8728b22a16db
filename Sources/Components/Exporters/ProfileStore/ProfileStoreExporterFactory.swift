import Collector
import Logging
import ProfileStore

/// Exporter `profilestore`: keeps profiles in an embedded database, for the extension `profileviewer` to show.
///
/// ```yaml
/// exporters:
///   profilestore:
///     directory: /var/lib/otelcol/profilestore
///     retention:
///       max_age: 24h
///       max_size_mib: 1024
/// ```
public struct ProfileStoreExporterFactory: ExporterFactory {
    public let type = "profilestore"
    public let stability: [Signal: Stability] = [.profiles: .alpha]

    private let registry: ProfileStoreRegistry

    /// - Parameter registry: where the extension `profileviewer` finds the store.
    public init(registry: ProfileStoreRegistry = .shared) {
        self.registry = registry
    }

    public func decode(_ section: ConfigurationSection) -> StoreConfiguration {
        let defaults = StoreConfiguration()
        let retention = section.section("retention")
        let directory = section.string("directory", default: defaults.directory)
        if directory.isEmpty { section.error("directory", "requires a folder for the database") }
        return StoreConfiguration(
            directory: directory,
            maximumAgeSeconds: retention.duration(
                "max_age", default: .seconds(defaults.maximumAgeSeconds), in: .seconds(60)...Duration.seconds(3_650 * 86400)
            ).components.seconds,
            maximumSizeBytes: Int64(
                retention.integer(
                    "max_size_mib", default: Int(defaults.maximumSizeBytes >> 20), in: 4...(1 << 24))) << 20)
    }

    public func makeExporter(
        signal: Signal, configuration: StoreConfiguration, context: ComponentContext
    ) async throws -> any Exporter {
        ProfileStoreExporter(configuration: configuration, context: context, registry: registry)
    }
}
