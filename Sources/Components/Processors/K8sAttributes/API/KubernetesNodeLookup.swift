import Collector
import Logging

/// Asks the Kubernetes API for one node. Needs to be allowed to `get` nodes.
public struct KubernetesNodeLookup: Sendable {
    public struct Node: Sendable {
        public var name: String
        public var uid: String
    }

    private let access: ClusterAccessConfiguration

    /// Reads the keys that say how the API is reached: `auth_type`, `kube_config_path`, `context`, …
    public init(_ section: ConfigurationSection) {
        access = ClusterAccessConfiguration(section)
    }

    public init() {
        access = ClusterAccessConfiguration()
    }

    /// - Throws: An error that says what is missing or was refused.
    public func node(_ name: String, timeout: Duration) async throws -> Node {
        let source = ClusterAccessSource(configuration: access)
        let client = KubernetesClient(source, maximumConnections: 1, logger: Logger(label: "k8s_api"))
        let result: Result<MetadataObject, any Error>
        do {
            result = .success(
                try await withDeadline(timeout, "the node \(name)") { try await client.object(.nodes, named: name) })
        } catch {
            result = .failure(error)
        }
        await client.close()
        let metadata = try result.get().metadata
        return Node(name: metadata.name ?? name, uid: metadata.uid ?? "")
    }
}
