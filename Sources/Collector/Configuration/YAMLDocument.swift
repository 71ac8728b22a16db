import Yams

/// Reads YAML text into a configuration tree, by the rules of the OpenTelemetry Collector: only `true` and `false` are
/// booleans, `yes` and `on` are strings, a leading zero makes an octal integer, and a key `a::b` is the key `b` in the
/// map `a`.
struct YAMLDocument {
    /// A configuration file is small. The bounds keep a hostile one (anchors that multiply, say) from eating memory.
    static let maximumNodes = 200_000
    static let maximumDepth = 200

    private let source: String?
    /// Where all nodes are said to stand, for text that came from a reference such as `${env:X}`.
    private let fixedLocation: SourceLocation?
    private var remainingNodes = YAMLDocument.maximumNodes

    /// - Parameters:
    ///   - source: The name that locations carry.
    ///   - fixedLocation: If given, the location of every node; the text has no place of its own then.
    /// - Throws: `CollectorError` with line, column and cause.
    static func parse(
        _ text: String, source: String? = nil, fixedLocation: SourceLocation? = nil
    ) throws(CollectorError) -> ConfigurationNode {
        let root: Node?
        do {
            root = try Parser(yaml: text, resolver: .basic).singleRoot()
        } catch {
            throw CollectorError(describe(error))
        }
        guard let root else { return ConfigurationNode(.null, location: fixedLocation) }
        var document = YAMLDocument(source: source, fixedLocation: fixedLocation)
        return try document.convert(root, depth: 0)
    }

    private init(source: String?, fixedLocation: SourceLocation?) {
        self.source = source
        self.fixedLocation = fixedLocation
    }

    /// Without the snippet of the text: it may hold secrets.
    private static func describe(_ error: any Error) -> String {
        switch error as? YamlError {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let prefix = context.map { "\($0.text) " } ?? ""
            return "line \(mark.line), column \(mark.column): \(prefix)\(problem)"
        case .duplicatedKeysInMapping(let duplicates, let context):
            return "line \(context.mark.line): key \(duplicates.map { "\"\($0)\"" }.joined(separator: ", ")) "
                + "is given twice in one map"
        case .reader(let problem, let offset, _, _):
            return "byte \(offset ?? 0): \(problem)"
        default: return "\(error)"
        }
    }

    private func location(_ mark: Mark?) -> SourceLocation? {
        if let fixedLocation { return fixedLocation }
        guard let source, let mark else { return nil }
        return SourceLocation(source: source, line: mark.line, column: mark.column)
    }

    private mutating func convert(_ node: Node, depth: Int) throws(CollectorError) -> ConfigurationNode {
        remainingNodes -= 1
        guard remainingNodes >= 0, depth <= Self.maximumDepth else {
            throw CollectorError(
                "the YAML is too large: at most \(Self.maximumNodes) values, nested at most \(Self.maximumDepth) deep")
        }
        switch node {
        case .scalar(let scalar):
            return ConfigurationNode(value(of: scalar), location: location(scalar.mark))
        case .sequence(let sequence):
            var nodes: [ConfigurationNode] = []
            for item in sequence { nodes.append(try convert(item, depth: depth + 1)) }
            return ConfigurationNode(.list(nodes), location: location(sequence.mark))
        case .mapping(let mapping):
            return ConfigurationNode(
                .map(try convert(mapping, depth: depth)), location: location(mapping.mark))
        case .alias:
            throw CollectorError("unresolved YAML alias")
        }
    }

    private mutating func convert(_ mapping: Node.Mapping, depth: Int) throws(CollectorError) -> ConfigurationMap {
        var map = ConfigurationMap()
        var merged: [Node] = []
        for (key, value) in mapping {
            guard case .scalar(let scalar) = key else {
                let place = location(key.mark).map { " (\($0))" } ?? ""
                throw CollectorError("a key of a map must be a plain word, not a list or map\(place)")
            }
            if scalar.string == "<<", scalar.style == .plain {
                merged.append(value)
                continue
            }
            let node = try convert(value, depth: depth + 1)
            try insert(node, at: scalar.string, keyLocation: location(scalar.mark), into: &map)
        }
        // `<<: *anchor` fills in what the map itself does not say.
        for node in merged {
            let sources: [Node] = if case .sequence(let list) = node { Array(list) } else { [node] }
            for source in sources {
                guard case .mapping(let mapping) = source else {
                    throw CollectorError("the value of << must be a map or a list of maps")
                }
                for entry in try convert(mapping, depth: depth + 1).entries where map.entry(entry.key) == nil {
                    map.set(entry)
                }
            }
        }
        return map
    }

    /// Splits keys at `::`, so that `a::b: 1` and `a: {b: 1}` are the same.
    private func insert(
        _ node: ConfigurationNode, at key: String, keyLocation: SourceLocation?, into map: inout ConfigurationMap
    ) throws(CollectorError) {
        var parts = key.split(separator: "::", omittingEmptySubsequences: false).map(String.init)
        if parts.count > Self.maximumDepth || parts.contains("") { parts = [key] }
        var nested = node
        for part in parts.dropFirst().reversed() {
            nested = ConfigurationNode(
                .map(ConfigurationMap([.init(key: part, keyLocation: keyLocation, node: nested)])),
                location: keyLocation)
        }
        if let existing = map[parts[0]] {
            // The parser has refused equal keys; these are two spellings of parts of one map.
            guard case .map = existing.value, case .map = nested.value else { throw duplicate(key, keyLocation) }
            nested = existing.merging(nested)
        }
        map.set(.init(key: parts[0], keyLocation: keyLocation, node: nested))
    }

    private func duplicate(_ key: String, _ place: SourceLocation?) -> CollectorError {
        CollectorError("key \"\(key)\" is given twice in one map\(place.map { " (\($0))" } ?? "")")
    }

    // MARK: - Scalars

    private func value(of scalar: Node.Scalar) -> ConfigurationNode.Value {
        let text = scalar.string
        switch scalar.tag.description {
        case Tag.Name.implicit.rawValue:
            return scalar.style == .plain ? Self.plainScalar(text) : .string(text)
        case Tag.Name.bool.rawValue, Tag.Name.int.rawValue, Tag.Name.float.rawValue, Tag.Name.null.rawValue:
            return Self.plainScalar(text)
        default: return .string(text)
        }
    }

    /// What an unquoted word means.
    static func plainScalar(_ text: String) -> ConfigurationNode.Value {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .boolean(true)
        case "false", "False", "FALSE": return .boolean(false)
        case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .floatingPoint(.infinity)
        case "-.inf", "-.Inf", "-.INF": return .floatingPoint(-.infinity)
        case ".nan", ".NaN", ".NAN": return .floatingPoint(.nan)
        default: break
        }
        guard let first = text.utf8.first,
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) || "+-.".utf8.contains(first)
        else { return .string(text) }
        if let integer = integer(text) { return .integer(integer) }
        if let number = decimal(text) { return .floatingPoint(number) }
        return .string(text)
    }

    /// Decimal, `0x`, `0o`, `0b`, or octal by a leading zero; `_` may separate digits.
    private static func integer(_ text: String) -> Int64? {
        var digits = Substring(text)
        var sign = ""
        if let first = digits.first, first == "-" || first == "+" {
            sign = first == "-" ? "-" : ""
            digits.removeFirst()
        }
        guard let first = digits.first, first != "_" else { return nil }
        var plain = digits.filter { $0 != "_" }
        var radix = 10
        if plain.hasPrefix("0x") || plain.hasPrefix("0X") {
            radix = 16
        } else if plain.hasPrefix("0o") || plain.hasPrefix("0O") {
            radix = 8
        } else if plain.hasPrefix("0b") || plain.hasPrefix("0B") {
            radix = 2
        } else if plain.count > 1, plain.hasPrefix("0") {
            plain.removeFirst()
            return unsignedDigits(plain) ? Int64(sign + plain, radix: 8) : nil
        }
        if radix != 10 { plain.removeFirst(2) }
        return unsignedDigits(plain) ? Int64(sign + plain, radix: radix) : nil
    }

    /// `Int64(_:radix:)` would take a second sign.
    private static func unsignedDigits(_ text: String) -> Bool {
        guard let first = text.first else { return false }
        return first != "-" && first != "+"
    }

    private static func decimal(_ text: String) -> Double? {
        // `Double` also reads hexadecimal, "infinity" and "nan", which YAML does not.
        guard text.utf8.allSatisfy({ "0123456789+-.eE_".utf8.contains($0) }) else { return nil }
        return Double(text.filter { $0 != "_" })
    }
}
