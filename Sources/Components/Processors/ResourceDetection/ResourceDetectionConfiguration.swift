import Collector
import K8sAttributesProcessor
import RegularExpressions

/// The processor `resource_detection`: its keys and defaults are the OpenTelemetry Collector's.
public struct ResourceDetectionConfiguration: Sendable {
    public var detectors: [DetectorSettings] = [DetectorSettings(kind: .env)]
    /// Whether what is detected replaces what a resource has already.
    public var overrides = true
    /// For each detector.
    public var timeout = Duration.seconds(5)
    /// Zero: only at the start.
    public var refreshInterval = Duration.zero

    public init() {}

    init(_ section: ConfigurationSection) {
        let names = section.strings("detectors", default: ["env"])
        overrides = section.boolean("override", default: overrides)
        timeout = section.duration("timeout", default: timeout, in: .zero ... .seconds(600))
        refreshInterval = section.duration("refresh_interval", default: .zero, in: .zero ... .seconds(86_400 * 7))
        detectors = []
        for name in names {
            guard let kind = DetectorKind(name: name) else {
                let known = DetectorKind.allCases.map(\.rawValue).joined(separator: ", ")
                section.error("detectors", "unknown detector \"\(name)\" (known ones: [\(known)])")
                continue
            }
            if detectors.contains(where: { $0.kind == kind }) { continue }
            detectors.append(DetectorSettings(kind: kind))
        }
        // Settings of detectors that are not used are checked too: a file is often shared.
        for kind in DetectorKind.allCases {
            for key in [kind.rawValue] + kind.aliases where section.isSet(key) {
                let settings = DetectorSettings(kind: kind, section.section(key))
                if let index = detectors.firstIndex(where: { $0.kind == kind }) { detectors[index] = settings }
            }
        }
        // They tune clients of the OpenTelemetry Collector's own.
        for key in ["tls", "auth", "proxy_url", "attributes"] where section.isSet(key) {
            _ = section.node(key)
            section.warning(key, "has no effect")
        }
    }
}

/// Where facts about the resource come from.
public enum DetectorKind: String, Sendable, CaseIterable {
    case env
    case system
    case docker
    case ec2
    case ecs
    case eks
    case gcp
    case azure
    case aks
    case k8sAPI = "k8s_api"
    case heroku
    case dynatrace

    /// Older names.
    var aliases: [String] { self == .k8sAPI ? ["k8snode"] : [] }

    init?(name: String) {
        guard let kind = Self.allCases.first(where: { $0.rawValue == name || $0.aliases.contains(name) }) else {
            return nil
        }
        self = kind
    }
}

/// One detector, and which attributes are wanted of it.
public struct DetectorSettings: Sendable {
    public var kind: DetectorKind
    /// Attributes that are switched on or off; all others as the detector has them by default.
    public var enabled: [String: Bool] = [:]
    /// Where `host.name` comes from, the first that has one; of `system`.
    public var hostNameSources = ["dns", "os"]
    /// Whether the lack of a metadata service is an error at the start.
    public var failsWithoutMetadata = false
    /// Which of an EC2 instance's tags are wanted.
    public var tags: [RegularExpression] = []
    /// Where the API's node is named; of `k8s_api`.
    public var nodeVariable = "K8S_NODE_NAME"
    public var nodeLookup = KubernetesNodeLookup()

    init(kind: DetectorKind) {
        self.kind = kind
    }

    init(kind: DetectorKind, _ section: ConfigurationSection) {
        self.kind = kind
        for (name, attribute) in section.namedSections("resource_attributes") {
            enabled[name] = attribute.boolean("enabled", default: true)
        }
        switch kind {
        case .system:
            hostNameSources = section.strings("hostname_sources", default: hostNameSources)
            for source in hostNameSources where !["dns", "os", "cname", "lookup"].contains(source) {
                section.error("hostname_sources", "unknown source \"\(source)\" (known ones: [dns, os, cname, lookup])")
            }
        case .k8sAPI:
            nodeVariable = section.string("node_from_env_var", default: nodeVariable)
            nodeLookup = KubernetesNodeLookup(section)
        case .ec2, .ecs, .eks, .gcp, .azure, .aks:
            failsWithoutMetadata = section.boolean("fail_on_missing_metadata", default: false)
            if kind == .ec2 {
                for text in section.strings("tags") {
                    do {
                        tags.append(try RegularExpression(text))
                    } catch {
                        section.error("tags", "\(error)")
                    }
                }
            }
            for key in ["tags", "max_attempts", "max_backoff", "node_from_env_var"]
            where !(kind == .ec2 && key == "tags") && section.isSet(key) {
                _ = section.node(key)
                section.warning(key, "has no effect")
            }
        case .env, .docker, .heroku, .dynatrace: break
        }
    }

    func wants(_ name: String, byDefault: Bool) -> Bool { enabled[name] ?? byDefault }
}
