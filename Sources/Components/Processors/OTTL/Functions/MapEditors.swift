import OTLP
import ProcessorSupport
import RegularExpressions

/// Editors of maps of attributes.
extension FunctionTable {
    static let mapEditors: [Function] = [
        .editor("delete_key", ["target", "key"]) { (arguments) throws(PlacedError) in
            let update = try arguments.update(0)
            let key = try arguments.expression(1)
            return { evaluation in
                let key = try key(evaluation).requireString()
                try updateMap(update, evaluation) { $0.removeAll { $0.key == key } }
            }
        },
        .editor("delete_matching_keys", ["target", "pattern"]) { (arguments) throws(PlacedError) in
            let update = try arguments.update(0)
            let pattern = try arguments.pattern(1)
            return { try updateMap(update, $0) { $0.removeAll { pattern.matches($0.key) } } }
        },
        .editor("keep_keys", ["target", "keys"]) { (arguments) throws(PlacedError) in
            let update = try arguments.update(0)
            let keys = Set(try arguments.literalStrings(1))
            return { try updateMap(update, $0) { $0.removeAll { !keys.contains($0.key) } } }
        },
        .editor("keep_matching_keys", ["target", "pattern"]) { (arguments) throws(PlacedError) in
            let update = try arguments.update(0)
            let pattern = try arguments.pattern(1)
            return { try updateMap(update, $0) { $0.removeAll { !pattern.matches($0.key) } } }
        },
        .editor("limit", ["target", "limit", "priority_keys"]) { (arguments) throws(PlacedError) in
            let update = try arguments.update(0)
            let limit = try arguments.literalCount(1)
            let keys = Set(try arguments.literalStrings(2))
            guard keys.count <= limit else {
                throw PlacedError(
                    offset: try arguments.syntax(2).offset, message: "more keys to keep than the limit of \(limit)")
            }
            return { try updateMap(update, $0) { $0.keep(limit, preferring: keys) } }
        },
        .editor("merge_maps", ["target", "source", "strategy"]) { (arguments) throws(PlacedError) in
            let update = try arguments.update(0)
            let source = try arguments.expression(1)
            let strategy = try arguments.choice(2, ["insert", "update", "upsert"])
            return { evaluation in
                let value = try source(evaluation)
                guard case .map(let items) = value else { throw EvaluationError.type(value, expected: "a map") }
                try updateMap(update, evaluation) { target in
                    for item in items {
                        let isThere = target[item.key] != nil
                        if isThere ? strategy != "insert" : strategy != "update" { target[item.key] = item.value }
                    }
                }
            }
        },
        .editor("truncate_all", ["target", "limit", "utf8_safe?", "truncation_marker?"]) {
            (arguments) throws(PlacedError) in
            let update = try arguments.update(0)
            let limit = try arguments.literalCount(1)
            // Text is valid UTF-8 here, always: it is cut between characters whatever is asked for.
            if arguments.isGiven(2) { _ = try arguments.literalBoolean(2) }
            let marker = try arguments.isGiven(3) ? arguments.literalString(3) : ""
            guard marker.utf8.count <= limit else {
                throw PlacedError(
                    offset: try arguments.syntax(3).offset, message: "the marker is longer than the limit of \(limit)")
            }
            return { evaluation in
                try updateMap(update, evaluation) { items in
                    for index in items.indices {
                        guard case .stringValue(let text) = items[index].value.value, text.utf8.count > limit else {
                            continue
                        }
                        items[index].value = .string(text.cut(toBytes: limit - marker.utf8.count) + marker)
                    }
                }
            }
        },
        .editor("stringify_all", ["target"]) { (arguments) throws(PlacedError) in
            let update = try arguments.update(0)
            return { evaluation in
                try updateMap(update, evaluation) { items in
                    for index in items.indices {
                        if case .stringValue? = items[index].value.value { continue }
                        items[index].value = .string(items[index].value.text)
                    }
                }
            }
        },
        .editor("flatten", ["target", "prefix?", "depth?"]) { (arguments) throws(PlacedError) in
            let update = try arguments.update(0)
            let prefix = try arguments.isGiven(1) ? arguments.literalString(1) : ""
            let depth = try arguments.isGiven(2) ? arguments.literalCount(2) : Int.max
            return { evaluation in
                guard depth > 0 else { return }
                try updateMap(update, evaluation) { items in
                    var flat: [OTLPKeyValue] = []
                    for item in items {
                        flat.addFlat(item.value, prefix.isEmpty ? item.key : "\(prefix).\(item.key)", depth)
                    }
                    items = flat
                }
            }
        },
    ]

    /// Changes a field that must be a map.
    static func updateMap(
        _ update: @escaping Accessor.Update, _ evaluation: Evaluation, _ body: (inout [OTLPKeyValue]) throws -> Void
    ) throws {
        try update(evaluation) { value in
            guard case .map(var items) = value else { throw EvaluationError.type(value, expected: "a map") }
            value = .nothing
            defer { value = .map(items) }
            try body(&items)
        }
    }
}

extension [OTLPKeyValue] {
    /// Removes items until no more than the limit are left: the last ones first, and none of the preferred.
    fileprivate mutating func keep(_ limit: Int, preferring keys: Set<String>) {
        guard count > limit else { return }
        var room = limit - count { keys.contains($0.key) }
        removeAll { item in
            if keys.contains(item.key) { return false }
            room -= 1
            return room < 0
        }
    }

    /// - Parameter depth: How many levels of maps and lists may be dissolved; the values' own nesting is bounded by
    ///   OTLP's decoder.
    fileprivate mutating func addFlat(_ value: OTLPAnyValue, _ key: String, _ depth: Int) {
        switch value.value {
        case .kvlistValue(let list) where depth > 0:
            for item in list.values { addFlat(item.value, "\(key).\(item.key)", depth == .max ? depth : depth - 1) }
        case .arrayValue(let array) where depth > 0:
            for (index, item) in array.values.enumerated() {
                addFlat(item, "\(key).\(index)", depth == .max ? depth : depth - 1)
            }
        default: self[key] = value
        }
    }
}

extension String {
    /// The longest beginning of whole characters of Unicode with at most that many bytes of UTF-8.
    func cut(toBytes limit: Int) -> String {
        var length = 0
        var result = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            length += UTF8.width(scalar)
            if length > limit { break }
            result.append(scalar)
        }
        return String(result)
    }
}
