import AsyncHTTPClient
import NIOHTTP1

/// A kind of object that the API has.
enum ResourceKind: String, Sendable, CaseIterable {
    case pods, namespaces, nodes, replicasets, deployments, statefulsets, daemonsets, jobs

    /// In RBAC's rules; empty for the core group.
    var group: String {
        switch self {
        case .pods, .namespaces, .nodes: ""
        case .replicasets, .deployments, .statefulsets, .daemonsets: "apps"
        case .jobs: "batch"
        }
    }

    var isNamespaced: Bool { self != .namespaces && self != .nodes }

    /// Of pods, what runs in them is needed; of all else the metadata.
    var needsWholeObjects: Bool { self == .pods }
}

/// Some objects of one kind: what is listed and then watched.
struct ResourceQuery: Sendable, Hashable, CustomStringConvertible {
    var kind: ResourceKind
    /// Nil: all.
    var namespace: String?
    var fieldSelector: String?
    var labelSelector: String?
    /// Names, labels and annotations are enough.
    var isMetadataOnly: Bool

    init(
        _ kind: ResourceKind, namespace: String? = nil, fieldSelector: String? = nil, labelSelector: String? = nil,
        isMetadataOnly: Bool? = nil
    ) {
        self.kind = kind
        self.isMetadataOnly = isMetadataOnly ?? !kind.needsWholeObjects
        self.namespace = namespace
        self.fieldSelector = fieldSelector
        self.labelSelector = labelSelector
    }

    var description: String { namespace.map { "\(kind.rawValue) of namespace \($0)" } ?? kind.rawValue }

    private var path: String {
        let root = kind.group.isEmpty ? "/api/v1" : "/apis/\(kind.group)/v1"
        return root + (namespace.map { "/namespaces/\($0)" } ?? "") + "/\(kind.rawValue)"
    }

    private var selectors: [(String, String)] {
        [("fieldSelector", fieldSelector), ("labelSelector", labelSelector)].compactMap { name, value in
            value.map { (name, $0) }
        }
    }

    /// The path and query of one page of the list.
    func listTarget(limit: Int, continuing token: String?) -> String {
        Self.target(path, selectors + [("limit", "\(limit)")] + (token.map { [("continue", $0)] } ?? []))
    }

    /// The path of one object.
    func objectTarget(named name: String) -> String { "\(path)/\(Self.escaped(name))" }

    /// The path and query of a watch of what happens after a version.
    func watchTarget(from version: String, seconds: Int) -> String {
        Self.target(
            path,
            selectors + [
                ("watch", "1"), ("allowWatchBookmarks", "true"), ("resourceVersion", version),
                ("timeoutSeconds", "\(seconds)"),
            ])
    }

    /// The media type to ask for (Kubernetes API concepts, "Receiving resources as Tables" and "metadata-only").
    func accept(forList: Bool) -> String {
        guard isMetadataOnly else { return "application/json" }
        let type = forList ? "PartialObjectMetadataList" : "PartialObjectMetadata"
        return "application/json;as=\(type);g=meta.k8s.io;v=v1,application/json"
    }

    /// What to do about a refusal.
    var permissionHint: String {
        "grant get, list and watch on \(kind.rawValue) of API group \"\(kind.group)\""
            + (namespace.map { " in namespace \($0)" } ?? " by a ClusterRole")
    }

    private static func target(_ path: String, _ query: [(String, String)]) -> String {
        path + "?" + query.map { "\($0.0)=\(escaped($0.1))" }.joined(separator: "&")
    }

    /// Everything but unreserved characters in percent form (RFC 3986, section 2.3).
    private static func escaped(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return result
    }
}

extension ResourceQuery {
    /// What must be known for a configuration.
    static func needed(for configuration: K8sAttributesConfiguration) -> [ResourceQuery] {
        let (extraction, filter) = (configuration.extraction, configuration.filter)
        let facts = extraction.facts
        let scopes: [String?] = filter.namespaces.isEmpty ? [nil] : filter.namespaces
        var result: [ResourceQuery] = scopes.map {
            ResourceQuery(
                .pods, namespace: $0, fieldSelector: filter.fieldSelector, labelSelector: filter.labelSelector)
        }
        func add(_ kind: ResourceKind) { result += scopes.map { ResourceQuery(kind, namespace: $0) } }
        func named(_ kind: ResourceKind, _ name: String) -> ResourceQuery {
            ResourceQuery(kind, fieldSelector: "metadata.name=\(name)")
        }
        if extraction.hasRules(from: .namespace), filter.namespaces.isEmpty {
            result.append(ResourceQuery(.namespaces))
        } else {
            var names = extraction.hasRules(from: .namespace) ? filter.namespaces : []
            if facts.contains(.clusterUID), !names.contains("kube-system") { names.append("kube-system") }
            result += names.map { named(.namespaces, $0) }
        }
        if facts.contains(.nodeUID) || extraction.hasRules(from: .node) {
            result.append(filter.node.map { named(.nodes, $0) } ?? ResourceQuery(.nodes))
        }
        let needsName = facts.contains(.deploymentName) || facts.contains(.serviceName)
        if facts.contains(.deploymentUID) || extraction.hasRules(from: .deployment)
            || (needsName && !extraction.derivesDeploymentName)
        {
            add(.replicasets)
        }
        if extraction.hasRules(from: .deployment) { add(.deployments) }
        if extraction.hasRules(from: .statefulset) { add(.statefulsets) }
        if extraction.hasRules(from: .daemonset) { add(.daemonsets) }
        if facts.contains(.cronJobUID) || extraction.hasRules(from: .job) { add(.jobs) }
        return result
    }
}
