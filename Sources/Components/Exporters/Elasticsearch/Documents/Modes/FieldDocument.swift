import OTLP

/// A document as a list of fields with dots in their names: what the mapping modes `ecs`, `none` and `raw` write.
///
/// Elasticsearch refuses a document that has a field twice, or a field that is both a value and an object. So of fields
/// that occur twice the last counts, and a value whose name is also the beginning of others (`a` beside `a.b`) is called
/// `a.value`, unless the name is protected: then the others go.
struct FieldDocument {
    private struct Field {
        var name: String
        /// JSON.
        var value: [UInt8]
    }

    private var fields: [Field] = []
    private var bytes = 0

    /// Maps in maps make fields with long names: a small record can stand for a document without end. What exceeds this
    /// is not a document any more.
    static let maximumBytes = 32 << 20
    /// Names are objects in objects down to this depth; Elasticsearch takes twenty.
    static let maximumDepth = 64

    /// Something was left out: the document is not to be written.
    var isTooLarge: Bool { bytes > Self.maximumBytes }

    // MARK: - Adding

    mutating func add(_ name: String, _ text: String) {
        add(name) { $0.string(text) }
    }

    mutating func add(_ name: String, _ number: some BinaryInteger) {
        add(name) { $0.integer(number) }
    }

    mutating func addUnlessEmpty(_ name: String, _ text: String) {
        if !text.isEmpty { add(name, text) }
    }

    /// - Parameter nanoseconds: Since 1970.
    mutating func add(_ name: String, nanoseconds: UInt64) {
        add(name, Timestamps.fullText(nanoseconds: nanoseconds))
    }

    /// Maps become a field for each of their entries; what is empty is left out.
    mutating func add(_ name: String, _ value: OTLPAnyValue) {
        switch value.value {
        case .kvlistValue(let list): add(list.values, below: name)
        case .arrayValue(let array) where array.values.isEmpty: break
        case .stringValueStrindex, nil: break
        default: add(name) { AttributeJSON.write(value, to: &$0) }
        }
    }

    /// - Parameter prefix: Followed by a dot, unless it is empty.
    mutating func add(_ attributes: [OTLPKeyValue], below prefix: String) {
        for attribute in attributes where !isTooLarge { add(Self.joined(prefix, attribute.key), attribute.value) }
    }

    mutating func add(_ name: String, write: (inout JSONWriter) -> Void) {
        guard !isTooLarge else { return }
        var json = JSONWriter()
        write(&json)
        bytes += name.utf8.count + json.bytes.count
        fields.append(Field(name: name, value: json.bytes))
    }

    mutating func add(_ stream: DataStreamName?, below prefix: String) {
        guard let stream else { return }
        add(Self.joined(prefix, "data_stream.type"), stream.type)
        add(Self.joined(prefix, "data_stream.dataset"), stream.dataset)
        add(Self.joined(prefix, "data_stream.namespace"), stream.namespace)
    }

    static func joined(_ prefix: String, _ name: String) -> String {
        if prefix.isEmpty { return name }
        return name.isEmpty ? prefix : "\(prefix).\(name)"
    }

    // MARK: - Writing

    /// One member for each field, dots in their names.
    func writeFlat(to json: inout JSONWriter) {
        json.beginObject()
        for field in unique(protected: []).sorted(by: { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
            json.key(field.name)
            json.raw(field.value)
        }
        json.endObject()
    }

    /// Objects in objects.
    /// - Parameter protected: Names that stay values, whatever else there is.
    func writeNested(protected: Set<String>, to json: inout JSONWriter) {
        let paths = unique(protected: protected).map { field in
            (
                path: field.name.split(
                    separator: ".", maxSplits: Self.maximumDepth, omittingEmptySubsequences: false),
                value: field.value
            )
        }
        let sorted = paths.sorted { left, right in
            left.path.lexicographicallyPrecedes(right.path) { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        }
        var open: ArraySlice<Substring> = []
        json.beginObject()
        for (path, value) in sorted {
            let objects = path.dropLast()
            var common = 0
            while common < objects.count, common < open.count,
                objects[objects.startIndex + common] == open[open.startIndex + common]
            { common += 1 }
            for _ in common..<open.count { json.endObject() }
            for name in objects.dropFirst(common) {
                json.key(String(name))
                json.beginObject()
            }
            open = objects
            json.key(String(path.last ?? ""))
            json.raw(value)
        }
        for _ in 0..<open.count { json.endObject() }
        json.endObject()
    }

    private func unique(protected: Set<String>) -> [Field] {
        var last: [String: Int] = [:]
        for (index, field) in fields.enumerated() { last[field.name] = index }
        let objects = Self.objects(last.keys)
        guard !objects.isEmpty else { return last.values.map { fields[$0] } }
        var result: [Field] = []
        for (name, index) in last {
            if Self.parents(of: name).contains(where: { protected.contains($0) && last[$0] != nil }) { continue }
            var field = fields[index]
            if objects.contains(name), !protected.contains(name) {
                field.name = "\(name).value"
                if last[field.name] != nil { continue }
            }
            result.append(field)
        }
        return result
    }

    /// Fields' names that other fields' names go on from.
    private static func objects(_ names: some Collection<String>) -> Set<String> {
        let known = Set(names)
        var found: Set<String> = []
        for name in names {
            for parent in parents(of: name) where known.contains(parent) { found.insert(parent) }
        }
        return found
    }

    /// `a` and `a.b` of `a.b.c`.
    private static func parents(of name: String) -> [String] {
        name.utf8.indices.lazy.filter { name.utf8[$0] == UInt8(ascii: ".") }.prefix(maximumDepth)
            .map { String(name[..<$0]) }
    }
}
