import Collector

/// Which pods are looked at; everything becomes a selector that the API applies.
public struct PodFilter: Sendable {
    public var node: String?
    /// Empty: all.
    public var namespaces: [String] = []
    /// Each `key=value` or `key!=value`.
    public var fieldTerms: [String] = []
    /// Each `key=value`, `key!=value`, `key` or `!key`.
    public var labelTerms: [String] = []

    public init() {}

    init(_ section: ConfigurationSection, environment: (String) -> String?) {
        node = section.optionalString("node").flatMap { $0.isEmpty ? nil : $0 }
        if let variable = section.optionalString("node_from_env_var"), !variable.isEmpty {
            if let value = environment(variable), !value.isEmpty {
                node = value
            } else {
                section.error(
                    "node_from_env_var",
                    "`node_from_env_var` is configured but envvar \"\(variable)\" is not set; in a pod, set it from "
                        + "the field spec.nodeName")
            }
        }
        var seen: Set<String> = []
        namespaces = section.strings("namespace").filter { !$0.isEmpty && seen.insert($0).inserted }
        for namespace in namespaces where !Self.isName(namespace) {
            section.error("namespace", "\"\(namespace)\" is no name of a namespace")
        }
        fieldTerms = section.sections("fields").compactMap { Self.term($0, "field", [.equals, .notEquals]) }
        labelTerms = section.sections("labels").compactMap { Self.term($0, "label", Operation.allCases) }
    }

    var fieldSelector: String? {
        var terms = node.map { ["spec.nodeName=\(Self.escaped($0))"] } ?? []
        terms += fieldTerms
        return terms.isEmpty ? nil : terms.joined(separator: ",")
    }

    var labelSelector: String? { labelTerms.isEmpty ? nil : labelTerms.joined(separator: ",") }

    private enum Operation: String, CaseIterable {
        case equals
        case notEquals = "not-equals"
        case exists
        case doesNotExist = "does-not-exist"
    }

    private static func term(
        _ section: ConfigurationSection, _ what: String, _ allowed: [Operation]
    ) -> String? {
        let (key, value) = (section.requiredString("key"), section.string("value"))
        let text = section.string("op")
        guard let operation = text.isEmpty ? .equals : Operation(rawValue: text), allowed.contains(operation) else {
            section.error(
                "op",
                "'\(text)' is not a valid \(what) filter operation for key=\(key), value=\(value) "
                    + "(valid values: [\(allowed.map(\.rawValue).joined(separator: ", "))])")
            return nil
        }
        guard !key.isEmpty else { return nil }
        guard key.utf8.allSatisfy(isKeyByte) else {
            section.error("key", "\"\(key)\" is no name of a \(what)")
            return nil
        }
        if what == "label", !value.utf8.allSatisfy(isKeyByte) {
            section.error("value", "\"\(value)\" is no value of a label")
            return nil
        }
        switch operation {
        case .equals: return "\(key)=\(escaped(value))"
        case .notEquals: return "\(key)!=\(escaped(value))"
        case .exists: return key
        case .doesNotExist: return "!\(key)"
        }
    }

    /// The characters that separate the parts of a field selector are escaped in it (apimachinery, package fields).
    private static func escaped(_ value: String) -> String {
        var result = ""
        for character in value {
            if character == "\\" || character == "," || character == "=" { result.append("\\") }
            result.append(character)
        }
        return result
    }

    private static func isKeyByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
            UInt8(ascii: "/"):
            true
        default: false
        }
    }

    /// It becomes a part of a path.
    private static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 253
            && text.utf8.allSatisfy { isKeyByte($0) && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "_") }
            && text.utf8.first != UInt8(ascii: ".")
    }
}
