/// Readers of single values. All report problems instead of throwing, and return the default then.
extension ConfigurationSection {
    /// A string. A value that came from one whole `${…}` reference is taken as its original text; otherwise numbers
    /// and booleans must be quoted.
    public func string(_ key: String, default fallback: String = "") -> String {
        optionalString(key) ?? fallback
    }

    /// Nil if the key is missing or null.
    public func optionalString(_ key: String) -> String? {
        guard let entry = entry(key) else { return nil }
        return text(of: entry.node, key: key)
    }

    /// A string, missing or empty being an error.
    public func requiredString(_ key: String) -> String {
        let value = string(key)
        if value.isEmpty { error(key, "requires a non-empty \"\(key)\"") }
        return value
    }

    /// A secret; it is never printed.
    public func opaqueString(_ key: String) -> OpaqueString? {
        guard let entry = entry(key) else { return nil }
        diagnostics.markOpaque(childPath(entry.key))
        return text(of: entry.node, key: key, isOpaque: true).map(OpaqueString.init)
    }

    public func boolean(_ key: String, default fallback: Bool) -> Bool { optionalBoolean(key) ?? fallback }

    public func optionalBoolean(_ key: String) -> Bool? {
        guard let entry = entry(key), !entry.node.isNull else { return nil }
        guard case .boolean(let value) = entry.node.value else {
            return mismatch(key, entry.node, "bool (true or false)")
        }
        return value
    }

    public func integer(_ key: String, default fallback: Int, in range: ClosedRange<Int> = Int.min...Int.max) -> Int {
        optionalInteger(key, in: range) ?? fallback
    }

    public func optionalInteger(_ key: String, in range: ClosedRange<Int> = Int.min...Int.max) -> Int? {
        guard let entry = entry(key), !entry.node.isNull else { return nil }
        guard case .integer(let wide) = entry.node.value else { return mismatch(key, entry.node, "int") }
        guard let value = Int(exactly: wide), range.contains(value) else {
            error(key, "\(wide) is out of range: \(Self.describe(range))")
            return nil
        }
        return value
    }

    /// A number; integers are accepted.
    public func floatingPoint(
        _ key: String, default fallback: Double,
        in range: ClosedRange<Double> = -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude
    ) -> Double {
        guard let entry = entry(key), !entry.node.isNull else { return fallback }
        let value: Double
        switch entry.node.value {
        case .integer(let integer): value = Double(integer)
        case .floatingPoint(let number): value = number
        case .null, .boolean, .string, .list, .map: return mismatch(key, entry.node, "number") ?? fallback
        }
        guard range.contains(value) else {
            error(key, "\(value) is out of range: must be between \(range.lowerBound) and \(range.upperBound)")
            return fallback
        }
        return value
    }

    /// A duration: numbers with units (`1h30m`, `200ms`), `"0"`, or a bare integer of nanoseconds.
    public func duration(
        _ key: String, default fallback: Duration, in range: ClosedRange<Duration>? = nil
    ) -> Duration {
        optionalDuration(key, in: range) ?? fallback
    }

    public func optionalDuration(_ key: String, in range: ClosedRange<Duration>? = nil) -> Duration? {
        guard let entry = entry(key), !entry.node.isNull else { return nil }
        let value: Duration
        switch entry.node.value {
        case .integer(let nanoseconds): value = .nanoseconds(nanoseconds)
        case .string(let text):
            guard let parsed = Duration(parsingUnits: text) else {
                let hint = Double(text) == nil ? "" : ": the unit is missing"
                error(key, "invalid duration \"\(text)\"\(hint); write for example 200ms, 5s or 1h30m")
                return nil
            }
            value = parsed
        case .null, .boolean, .floatingPoint, .list, .map:
            return mismatch(key, entry.node, "duration such as 5s")
        }
        if let range, !range.contains(value) {
            error(key, "\(value.unitText) is out of range: \(Self.describe(range))")
            return nil
        }
        return value
    }

    /// One of an enumeration's values, without regard to case if asked for; an error lists all of them.
    public func enumeration<Choice: RawRepresentable & CaseIterable>(
        _ key: String, default fallback: Choice, ignoringCase: Bool = false
    ) -> Choice where Choice.RawValue == String {
        guard let text = optionalString(key) else { return fallback }
        let match = Choice.allCases.first {
            ignoringCase ? $0.rawValue.lowercased() == text.lowercased() : $0.rawValue == text
        }
        guard let match else {
            let valid = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            error(key, "unknown value \"\(text)\" (valid values: [\(valid)])")
            return fallback
        }
        return match
    }

    /// The id of another component, for example of a storage extension.
    public func componentID(_ key: String) -> ComponentID? {
        guard let text = optionalString(key) else { return nil }
        do {
            return try ComponentID(parsing: text)
        } catch {
            self.error(key, error.description)
            return nil
        }
    }

    // MARK: - Shared by the readers

    /// Reports that a value has the wrong type.
    func mismatch<Value>(_ key: String, _ node: ConfigurationNode, _ expected: String) -> Value? {
        let found = Self.describe(node)
        error(key, "expected type \(expected), got \(found)")
        return nil
    }

    func text(of node: ConfigurationNode, key: String, isOpaque: Bool = false) -> String? {
        if let original = node.originalText { return original }
        switch node.value {
        case .null: return nil
        case .string(let text): return text
        case .boolean, .integer, .floatingPoint, .list, .map:
            // A secret's value must not reach a message.
            let found = isOpaque ? node.kindName : Self.describe(node)
            error(key, "expected type string, got \(found)\(Self.isScalar(node) ? "; put it in quotes" : "")")
            return nil
        }
    }

    private static func isScalar(_ node: ConfigurationNode) -> Bool {
        switch node.value {
        case .null, .boolean, .integer, .floatingPoint, .string: true
        case .list, .map: false
        }
    }

    private static func describe(_ node: ConfigurationNode) -> String {
        switch node.value {
        case .string(let text): "string \"\(text)\""
        case .integer(let value): "int \(value)"
        case .floatingPoint(let value): "float \(value)"
        case .boolean(let value): "bool \(value)"
        case .null, .list, .map: node.kindName
        }
    }

    private static func describe(_ range: ClosedRange<Int>) -> String {
        if range.upperBound == Int.max { return "must be at least \(range.lowerBound)" }
        if range.lowerBound == Int.min { return "must be at most \(range.upperBound)" }
        return "must be between \(range.lowerBound) and \(range.upperBound)"
    }

    private static func describe(_ range: ClosedRange<Duration>) -> String {
        if range.upperBound >= .longest { return "must be at least \(range.lowerBound.unitText)" }
        return "must be between \(range.lowerBound.unitText) and \(range.upperBound.unitText)"
    }
}
