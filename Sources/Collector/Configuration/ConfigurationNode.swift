/// Where a key or value was written. Lines and columns count from 1.
public struct SourceLocation: Sendable, Hashable, CustomStringConvertible {
    /// A file's path, or a URI such as `env:OTEL_CONFIG`.
    public var source: String
    public var line: Int
    public var column: Int

    public init(source: String, line: Int, column: Int) {
        self.source = source
        self.line = line
        self.column = column
    }

    public var description: String { "\(source):\(line):\(column)" }
}

/// A configuration as written: a tree that knows where each key and value stands.
public struct ConfigurationNode: Sendable {
    public indirect enum Value: Sendable {
        case null
        case boolean(Bool)
        case integer(Int64)
        case floatingPoint(Double)
        case string(String)
        case list([ConfigurationNode])
        case map(ConfigurationMap)
    }

    public var value: Value
    /// The text that a `${…}` reference yielded, if the whole value was one reference. Fields of type string take it
    /// as it is, so that an API key such as `0123` survives.
    public var originalText: String?
    public var location: SourceLocation?

    public init(_ value: Value, originalText: String? = nil, location: SourceLocation? = nil) {
        self.value = value
        self.originalText = originalText
        self.location = location
    }

    /// The value's kind, for messages.
    var kindName: String {
        switch value {
        case .null: "null"
        case .boolean: "bool"
        case .integer: "int"
        case .floatingPoint: "float"
        case .string: "string"
        case .list: "list"
        case .map: "map"
        }
    }

    public var isNull: Bool {
        if case .null = value { true } else { false }
    }

    /// A text that is the same for two values exactly if every reader sees the same in them.
    var fingerprint: String {
        if let originalText {
            if case .string(originalText) = value { return "\(originalText.utf8.count):\(originalText)" }
            return "\(originalText.utf8.count)!\(originalText)"
        }
        switch value {
        case .null: return "~"
        case .boolean(let value): return "\(value)"
        case .integer(let value): return "\(value)"
        case .floatingPoint(let value): return "f\(value)"
        case .string(let text): return "\(text.utf8.count):\(text)"
        case .list(let items): return "[" + items.map(\.fingerprint).joined(separator: ",") + "]"
        case .map(let map):
            let entries = map.entries.sorted { $0.key < $1.key }
            return "{" + entries.map { "\($0.key.utf8.count):\($0.key)=\($0.node.fingerprint)" }.joined(separator: ",")
                + "}"
        }
    }
}

/// Keys and values in the order in which they were written; keys are unique.
public struct ConfigurationMap: Sendable {
    public struct Entry: Sendable {
        public var key: String
        public var keyLocation: SourceLocation?
        public var node: ConfigurationNode

        public init(key: String, keyLocation: SourceLocation? = nil, node: ConfigurationNode) {
            self.key = key
            self.keyLocation = keyLocation
            self.node = node
        }
    }

    public private(set) var entries: [Entry] = []
    private var indices: [String: Int] = [:]

    public init(_ entries: [Entry] = []) {
        for entry in entries { set(entry) }
    }

    public var isEmpty: Bool { entries.isEmpty }
    public var keys: [String] { entries.map(\.key) }

    public func entry(_ key: String) -> Entry? { indices[key].map { entries[$0] } }

    public subscript(key: String) -> ConfigurationNode? { entry(key)?.node }

    /// Adds the entry, or replaces the one of the same key in place.
    public mutating func set(_ entry: Entry) {
        if let index = indices[entry.key] {
            entries[index] = entry
        } else {
            indices[entry.key] = entries.count
            entries.append(entry)
        }
    }

    /// Changes every value in place.
    mutating func updateNodes<Failure: Error>(
        _ body: (String, inout ConfigurationNode) throws(Failure) -> Void
    ) throws(Failure) {
        for index in entries.indices { try body(entries[index].key, &entries[index].node) }
    }
}
