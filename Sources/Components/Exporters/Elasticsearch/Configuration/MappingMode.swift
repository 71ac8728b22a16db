/// How telemetry becomes documents. The names are those of the scope attribute `elastic.mapping.mode`.
public enum MappingMode: String, Sendable, CaseIterable {
    case bodymap
    case ecs
    case none
    case otel
    case raw

    /// Whether documents must not make an ordinary index where a data stream is meant.
    var requiresDataStream: Bool { self == .otel || self == .ecs }

    /// Without regard to case; an empty text and `no` mean `none`.
    public init?(parsing text: String) {
        let name = text.lowercased()
        if name.isEmpty || name == "no" { self = .none } else { self.init(rawValue: name) }
    }
}
