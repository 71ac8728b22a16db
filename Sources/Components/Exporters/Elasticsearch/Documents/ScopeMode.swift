import OTLP

extension ElasticsearchConfiguration {
    /// The mode that a scope asks for, or the default.
    /// - Returns: Nil, with the name that was asked for, if there is no such mode or it is not allowed.
    func mode(of scope: OTLPScope) -> (mode: MappingMode?, name: String) {
        guard let found = scope.attributes.first(where: { $0.key == "elastic.mapping.mode" }),
            case .stringValue(let name) = found.value.value
        else { return (defaultMode, defaultMode.rawValue) }
        guard let mode = MappingMode(parsing: name), allowedModes.contains(mode) else { return (nil, name) }
        return (mode, name)
    }
}
