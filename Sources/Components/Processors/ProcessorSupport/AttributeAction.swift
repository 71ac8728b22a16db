import Collector
import OTLP
import RegularExpressions

/// One step of the processors `resource` and `attributes`.
public struct AttributeAction: Sendable {
    /// Where a new value comes from.
    public enum Source: Sendable {
        case value(OTLPAnyValue)
        case attribute(String)
        /// `client.address`, `metadata.<header field>` or `auth.<name>`.
        case context(String)
    }

    public enum ConvertedType: String, Sendable, CaseIterable {
        case int
        case double
        case string
    }

    /// Which attributes are meant.
    public enum Target: Sendable {
        case key(String)
        case pattern(RegularExpression)
        case either(String, RegularExpression)
    }

    public enum Operation: Sendable {
        case insert(String, Source, fallback: OTLPAnyValue?)
        case update(String, Source, fallback: OTLPAnyValue?)
        case upsert(String, Source, fallback: OTLPAnyValue?)
        case delete(Target)
        case hash(Target)
        /// The expression's named groups become attributes.
        case extract(String, RegularExpression)
        case convert(String, ConvertedType)
    }

    public var operation: Operation

    public init(_ operation: Operation) {
        self.operation = operation
    }

    /// Reads a list of actions.
    /// - Returns: Those that are right; what is wrong is reported.
    public static func list(_ section: ConfigurationSection, _ key: String) -> [AttributeAction] {
        let items = section.sections(key)
        if items.isEmpty { section.error(section.contains(key) ? key : nil, "missing required field \"\(key)\"") }
        return items.compactMap { Operation($0).map { AttributeAction($0) } }
    }
}

extension AttributeAction.Operation {
    /// Reads one item of the list; nil, with an error reported, if it makes no sense.
    init?(_ section: ConfigurationSection) {
        let key = section.string("key")
        let word = section.string("action").lowercased()
        let pattern = Self.pattern(section)
        var sources = Self.sources(section)
        let fallback = section.node("default_value").flatMap { $0.isNull ? nil : OTLPAnyValue($0) }
        let type = section.optionalString("converted_type")
        func require(_ condition: Bool, _ message: String) -> Bool {
            if !condition { section.error(nil, message) }
            return condition
        }
        switch word {
        case "insert", "update", "upsert":
            // A value that an unset variable left empty: the default alone is enough.
            if sources.isEmpty, let fallback { sources = [.value(fallback)] }
            guard require(!key.isEmpty, "missing required field \"key\""),
                require(
                    sources.count == 1,
                    "action \(word) requires exactly one of \"value\", \"from_attribute\" and \"from_context\""),
                require(pattern == nil && type == nil, "action \(word) takes no \"pattern\" or \"converted_type\""),
                let source = sources.first
            else { return nil }
            switch word {
            case "insert": self = .insert(key, source, fallback: fallback)
            case "update": self = .update(key, source, fallback: fallback)
            default: self = .upsert(key, source, fallback: fallback)
            }
        case "delete", "hash":
            guard require(!key.isEmpty || pattern != nil, "action \(word) requires \"key\" or \"pattern\""),
                require(sources.isEmpty && type == nil, "action \(word) takes only \"key\" and \"pattern\"")
            else { return nil }
            let target: AttributeAction.Target
            switch (key.isEmpty, pattern) {
            case (false, let pattern?): target = .either(key, pattern)
            case (true, let pattern?): target = .pattern(pattern)
            case (_, nil): target = .key(key)
            }
            self = word == "delete" ? .delete(target) : .hash(target)
        case "extract":
            guard require(!key.isEmpty, "missing required field \"key\""),
                require(sources.isEmpty && type == nil, "action extract takes only \"key\" and \"pattern\""),
                require(section.isSet("pattern"), "action extract requires \"pattern\""), let pattern,
                require(
                    pattern.groupNames.dropFirst().contains { $0 != nil }
                        && pattern.groupNames.dropFirst().allSatisfy { $0 != nil },
                    "action extract requires a pattern whose groups all have names, such as (?P<name>.*)")
            else { return nil }
            self = .extract(key, pattern)
        case "convert":
            guard require(!key.isEmpty, "missing required field \"key\""),
                require(sources.isEmpty && pattern == nil, "action convert takes only \"key\" and \"converted_type\""),
                let type = Self.convertedType(section, type)
            else { return nil }
            self = .convert(key, type)
        default:
            section.error(
                "action",
                "unsupported action \"\(word)\" "
                    + "(valid values: [insert, update, upsert, delete, hash, extract, convert])"
            )
            return nil
        }
    }

    private static func pattern(_ section: ConfigurationSection) -> RegularExpression? {
        guard let text = section.optionalString("pattern"), !text.isEmpty else { return nil }
        do {
            return try RegularExpression(text)
        } catch {
            section.error("pattern", "\(error)")
            return nil
        }
    }

    private static func convertedType(
        _ section: ConfigurationSection, _ text: String?
    ) -> AttributeAction.ConvertedType? {
        let type = text.flatMap { AttributeAction.ConvertedType(rawValue: $0.lowercased()) }
        if type == nil {
            section.error("converted_type", "unknown value \"\(text ?? "")\" (valid values: [int, double, string])")
        }
        return type
    }

    private static func sources(_ section: ConfigurationSection) -> [AttributeAction.Source] {
        var sources: [AttributeAction.Source] = []
        if let node = section.node("value"), !node.isNull { sources.append(.value(OTLPAnyValue(node))) }
        if let name = section.optionalString("from_attribute"), !name.isEmpty { sources.append(.attribute(name)) }
        if let name = section.optionalString("from_context"), !name.isEmpty {
            if name != "client.address", !name.hasPrefix("metadata."), !name.hasPrefix("auth.") {
                section.error("from_context", "must be client.address, or begin with metadata. or auth.")
            }
            sources.append(.context(name))
        }
        return sources
    }
}
