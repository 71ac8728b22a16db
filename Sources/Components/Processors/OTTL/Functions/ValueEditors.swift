import OTLP

/// Editors of single values and lists.
extension FunctionTable {
    static let valueEditors: [Function] = [
        .editor("set", ["target", "value"]) { (arguments) throws(PlacedError) in
            let update = try arguments.update(0)
            let value = try arguments.expression(1)
            return { evaluation in
                let value = try value(evaluation)
                // What there is not is not set.
                if case .nothing = value { return }
                try update(evaluation) { $0 = value }
            }
        },
        .editor("append", ["target", "value?", "values?"]) { (arguments) throws(PlacedError) in
            let update = try arguments.update(0)
            guard arguments.isGiven(1) || arguments.isGiven(2) else {
                throw PlacedError(offset: arguments.call.offset, message: "\"append\" needs \"value\" or \"values\"")
            }
            let value = try arguments.isGiven(1) ? arguments.expression(1) : nil
            let values = try arguments.isGiven(2) ? arguments.values(2) : nil
            return { evaluation in
                var added: [OTLPAnyValue] = []
                if let value = try value?(evaluation) {
                    if case .list(let items) = value { added += items } else { added.append(value.any) }
                }
                if let values = try values?(evaluation) { added += values.map(\.any) }
                let new = added
                try update(evaluation) { target in
                    switch target {
                    case .nothing: target = .list(new)
                    case .list(var items):
                        target = .nothing
                        items += new
                        target = .list(items)
                    default: target = .list([target.any] + new)
                    }
                }
            }
        },
        .editor("delete_index", ["target", "startIndex", "endIndex?"]) { (arguments) throws(PlacedError) in
            let update = try arguments.update(0)
            let start = try arguments.expression(1)
            let end = try arguments.isGiven(2) ? arguments.expression(2) : nil
            return { evaluation in
                let start = try start(evaluation).requireInteger(as: Int.self)
                let end = try end?(evaluation).requireInteger(as: Int.self)
                try update(evaluation) { target in
                    guard case .list(var items) = target else {
                        throw EvaluationError.type(target, expected: "a list")
                    }
                    if start == end { return }
                    guard items.indices.contains(start) else {
                        throw EvaluationError("index \(start) is out of range: there are \(items.count) elements")
                    }
                    let end = end ?? start + 1
                    guard end > start, end <= items.count else {
                        throw EvaluationError("index \(end) is out of range: there are \(items.count) elements")
                    }
                    items.removeSubrange(start..<end)
                    target = .list(items)
                }
            }
        },
    ]
}
