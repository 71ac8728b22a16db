import FoundationEssentials
import Synchronization

/// What a container runtime keeps about a container in files of the host: no other process is asked for it.
public struct ContainerDescription: Sendable, Hashable {
    public var name: String?
    public var imageName: String?
    public var podName: String?
    public var podNamespace: String?
    public var podUID: String?

    public init() {}

    /// Nothing is known.
    var isEmpty: Bool { self == ContainerDescription() }
}

extension ContainerDescription {
    /// Reads a bundle's `config.json` (OCI runtime specification, config.md, "Annotations"). containerd's plug-in for
    /// Kubernetes (`pkg/cri/annotations`), CRI-O (`pkg/annotations`) and nerdctl (`pkg/labels`) write annotations of their
    /// own there.
    init(bundle text: [UInt8]) throws {
        struct Bundle: Decodable {
            var annotations: [String: String]?
        }
        let annotations = try JSONDecoder().decode(Bundle.self, from: Data(text)).annotations ?? [:]
        func first(_ keys: String...) -> String? {
            keys.lazy.compactMap { annotations[$0] }.first { !$0.isEmpty }
        }
        name = first("io.kubernetes.cri.container-name", "io.kubernetes.container.name", "nerdctl/name")
        imageName = first("io.kubernetes.cri.image-name", "io.kubernetes.cri-o.ImageName")
        podName = first("io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name")
        podNamespace = first("io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace")
        podUID = first("io.kubernetes.cri.sandbox-uid", "io.kubernetes.pod.uid")
    }

    /// Reads docker's `config.v2.json` (moby, `daemon/container/container.go`). A container that Kubernetes made by way of
    /// cri-dockerd has labels for it; one of docker compose goes by its service's name, since the container's has a number.
    init(docker text: [UInt8]) throws {
        struct Container: Decodable {
            struct Config: Decodable {
                var image: String?
                var labels: [String: String]?

                enum CodingKeys: String, CodingKey {
                    case image = "Image"
                    case labels = "Labels"
                }
            }

            var name: String?
            var config: Config?

            enum CodingKeys: String, CodingKey {
                case name = "Name"
                case config = "Config"
            }
        }
        let container = try JSONDecoder().decode(Container.self, from: Data(text))
        let labels = container.config?.labels ?? [:]
        podName = labels["io.kubernetes.pod.name"]
        podNamespace = labels["io.kubernetes.pod.namespace"]
        podUID = labels["io.kubernetes.pod.uid"]
        imageName = container.config?.image
        name =
            labels["io.kubernetes.container.name"] ?? labels["com.docker.compose.service"]
            ?? container.name.map { String($0.drop { $0 == "/" }) }
    }
}

/// Finds and keeps the descriptions of the host's containers. Calls block.
final class ContainerDescriptions: Sendable {
    /// One that is described by no file is looked for again a few times: its runtime may still be writing.
    private enum Entry: Sendable {
        case found(ContainerDescription)
        case missing(attempts: Int)
    }

    private static let maximumEntries = 4096
    private static let maximumAttempts = 3
    private static let maximumBytes = 1 << 20

    /// The host's root directory, or that of the profiler itself where it cannot be seen.
    private let root: String
    private let entries = Mutex<[String: Entry]>([:])

    init(root: String = "/proc/1/root") {
        self.root = root
    }

    /// - Parameter id: of letters, digits and "-" only, as `ContainerID` finds it.
    /// - Returns: nil when no runtime's file tells.
    func description(of id: String) -> ContainerDescription? {
        var attempts = 0
        switch entries.withLock({ $0[id] }) {
        case .found(let description)?: return description
        case .missing(let count)? where count >= Self.maximumAttempts: return nil
        case .missing(let count)?: attempts = count
        case nil: break
        }
        let description = read(id)
        entries.withLock { entries in
            // Containers come and go; those that are still there are read again.
            if entries.count >= Self.maximumEntries { entries.removeAll(keepingCapacity: true) }
            entries[id] = description.map { .found($0) } ?? .missing(attempts: attempts + 1)
        }
        return description
    }

    private func read(_ id: String) -> ContainerDescription? {
        for namespace in ["k8s.io", "moby", "default"] {
            let bundle = "/run/containerd/io.containerd.runtime.v2.task/\(namespace)/\(id)/config.json"
            if let found = read(bundle, ContainerDescription.init(bundle:)) { return found }
        }
        return read("/var/lib/docker/containers/\(id)/config.v2.json", ContainerDescription.init(docker:))
            ?? read(
                "/run/containers/storage/overlay-containers/\(id)/userdata/config.json",
                ContainerDescription.init(bundle:))
            ?? read(
                "/var/lib/containers/storage/overlay-containers/\(id)/userdata/config.json",
                ContainerDescription.init(bundle:))
    }

    private func read(_ path: String, _ parse: ([UInt8]) throws -> ContainerDescription) -> ContainerDescription? {
        guard let text = try? ProcFile.read(root + path, limitBytes: Self.maximumBytes),
            let description = try? parse(text), !description.isEmpty
        else { return nil }
        return description
    }
}
