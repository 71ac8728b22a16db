import FoundationEssentials

/// Converters of identifiers.
extension FunctionTable {
    static let identifierConverters: [Function] = [
        identifier("TraceID", 16), identifier("SpanID", 8), identifier("ProfileID", 16),
        .converter("UUID", []) { (_) throws(PlacedError) in
            return { _ in .string(UUID().uuidString.lowercased()) }
        },
        .converter("IsRootSpan", []) { (arguments) throws(PlacedError) in
            guard arguments.compiler.context == .span || arguments.compiler.context == .spanevent else {
                throw PlacedError(
                    offset: arguments.call.offset,
                    message: "\"IsRootSpan\" works on each span, but this runs for each "
                        + arguments.compiler.context.rawValue)
            }
            return { evaluation in .boolean(evaluation.span.parentSpanID.allSatisfy { $0 == 0 }) }
        },
    ]

    /// From bytes, or from hexadecimal digits.
    private static func identifier(_ name: String, _ count: Int) -> Function {
        convert(name) { value in
            let bytes: Data? =
                switch value {
                case .bytes(let bytes): bytes
                case .string(let text): Data(hexadecimal: text)
                default: nil
                }
            guard let bytes, bytes.count == count else {
                throw EvaluationError("\(name) needs \(count) bytes")
            }
            return .bytes(bytes)
        }
    }
}
