import Collector
import OTLP

extension ElasticsearchConfiguration {
    /// The mode that a scope asks for, else the client that sent it, else the default.
    /// - Returns: Nil, with the name that was asked for, if there is no such mode or it is not allowed.
    func mode(of scope: OTLPScope) -> (mode: MappingMode?, name: String) {
        guard let found = scope.attributes.first(where: { $0.key == "elastic.mapping.mode" }),
            case .stringValue(let name) = found.value.value
        else { return modeOfClient }
        guard let mode = MappingMode(parsing: name), allowedModes.contains(mode) else { return (nil, name) }
        return (mode, name)
    }

    private var modeOfClient: (mode: MappingMode?, name: String) {
        guard let values = RequestContext.current?.metadata[Self.mappingModeKey], !values.isEmpty else {
            return (defaultMode, defaultMode.rawValue)
        }
        let name = values.joined(separator: ", ")
        guard values.count == 1, let mode = MappingMode(parsing: name), allowedModes.contains(mode) else {
            return (nil, name)
        }
        return (mode, name)
    }
}
