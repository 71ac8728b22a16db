import Collector

/// One rule by which a resource is said to be a pod's: all sources must have a value.
public struct PodAssociation: Sendable, Hashable {
    public static let maximumSources = 4

    public enum Source: Sendable, Hashable {
        /// The address that the telemetry came from.
        case connection
        /// An attribute of the resource.
        case attribute(String)
    }

    public var sources: [Source]

    public init(_ sources: Source...) { self.sources = sources }

    /// The container first: it is what a profiler knows. Then what the reference has.
    public static let defaults = [
        PodAssociation(.attribute("container.id")), PodAssociation(.attribute("k8s.pod.uid")),
        PodAssociation(.attribute("k8s.pod.ip")), PodAssociation(.attribute("ip")), PodAssociation(.connection),
        PodAssociation(.attribute("host.name")),
    ]

    init?(_ section: ConfigurationSection) {
        var sources: [Source] = []
        var isValid = true
        let written = section.sections("sources")
        for source in written {
            let name = source.string("name")
            switch source.requiredString("from") {
            case "connection": sources.append(.connection)
            case "resource_attribute":
                if name.isEmpty { source.error("name", "is required where from is resource_attribute") }
                sources.append(.attribute(name))
            case "": isValid = false
            case let other:
                source.error("from", "unknown value \"\(other)\" (valid values: [connection, resource_attribute])")
                isValid = false
            }
        }
        if written.isEmpty {
            section.error("sources", "requires at least one source")
            isValid = false
        }
        if written.count > Self.maximumSources {
            section.error("sources", "too many association sources. limit is \(Self.maximumSources)")
            isValid = false
        }
        guard isValid else { return nil }
        self.sources = sources
    }
}

/// What a rule found, or what a pod can be found by.
struct PodIdentifier: Hashable, Sendable {
    struct Part: Hashable, Sendable {
        var source: PodAssociation.Source
        var value: String
    }

    var parts: [Part]

    init(_ parts: [Part]) { self.parts = parts }
    init(_ source: PodAssociation.Source, _ value: String) { parts = [Part(source: source, value: value)] }

    /// The address of the connection, if that was among the sources.
    var connectionAddress: String? { parts.first { $0.source == .connection }?.value }
}
