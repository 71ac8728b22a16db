/// What a component does in the pipeline graph.
public enum ComponentKind: String, Sendable, Hashable, CaseIterable {
    case receiver
    case processor
    case exporter
    case connector
    case `extension`

    /// The key of the configuration's section that holds components of this kind.
    public var sectionName: String { rawValue + "s" }
}

/// Why a text is no component or pipeline id.
public struct IdentifierError: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String
}

/// The id of a configured component: `type` or `type/name`.
///
/// A type is `^[a-zA-Z][0-9a-zA-Z_]{0,62}$`. A name has 1 to 1024 characters, none of them white space, a control
/// character or a symbol; further slashes belong to the name. Spaces around both parts are dropped.
public struct ComponentID: Sendable, Hashable, Comparable, CustomStringConvertible {
    public let type: String
    /// Empty if the id has no name.
    public let name: String

    /// An id that needs no check, for code that knows its components.
    public init(type: String, name: String = "") {
        self.type = type
        self.name = name
    }

    /// - Throws: `IdentifierError` that quotes the offending part.
    public init(parsing text: String) throws(IdentifierError) {
        let parts = try splitIdentifier(text)
        guard isValidType(parts.type) else {
            throw IdentifierError(description: "invalid character(s) in type \"\(parts.type)\"")
        }
        self.init(type: parts.type, name: parts.name)
    }

    public var description: String { name.isEmpty ? type : "\(type)/\(name)" }

    public static func < (left: ComponentID, right: ComponentID) -> Bool {
        (left.type, left.name) < (right.type, right.name)
    }
}

/// The id of a pipeline: `signal` or `signal/name`, with the name rule of `ComponentID`.
public struct PipelineID: Sendable, Hashable, Comparable, CustomStringConvertible {
    public let signal: Signal
    /// Empty if the id has no name.
    public let name: String

    public init(signal: Signal, name: String = "") {
        self.signal = signal
        self.name = name
    }

    /// - Throws: `IdentifierError`, among others for a signal that does not exist.
    public init(parsing text: String) throws(IdentifierError) {
        let parts = try splitIdentifier(text)
        guard let signal = Signal(rawValue: parts.type) else {
            let valid = Signal.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
            throw IdentifierError(
                description: "unknown pipeline signal: \"\(parts.type)\" (valid values: [\(valid)])")
        }
        self.init(signal: signal, name: parts.name)
    }

    public var description: String { name.isEmpty ? signal.rawValue : "\(signal.rawValue)/\(name)" }

    public static func < (left: PipelineID, right: PipelineID) -> Bool {
        (left.signal, left.name) < (right.signal, right.name)
    }
}

private func splitIdentifier(_ text: String) throws(IdentifierError) -> (type: String, name: String) {
    func trimmed(_ part: Substring) -> String {
        let start = part.firstIndex { !$0.isWhitespace } ?? part.endIndex
        guard let last = part.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(part[start...last])
    }
    guard let slash = text.firstIndex(of: "/") else {
        let type = trimmed(text[...])
        guard !type.isEmpty else { throw IdentifierError(description: "id must not be empty") }
        return (type, "")
    }
    let type = trimmed(text[..<slash])
    let name = trimmed(text[text.index(after: slash)...])
    guard !type.isEmpty else {
        throw IdentifierError(description: "in \"\(text)\" id: the part before / should not be empty")
    }
    guard !name.isEmpty else {
        throw IdentifierError(description: "in \"\(text)\" id: the part after / should not be empty")
    }
    guard isValidName(name) else {
        throw IdentifierError(description: "invalid character(s) in name \"\(name)\"")
    }
    return (type, name)
}

private func isValidType(_ type: String) -> Bool {
    guard let first = type.utf8.first, type.utf8.count <= 63 else { return false }
    func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }
    return isLetter(first)
        && type.utf8.allSatisfy {
            isLetter($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "_")
        }
}

private func isValidName(_ name: String) -> Bool {
    guard name.unicodeScalars.count <= 1024 else { return false }
    return name.unicodeScalars.allSatisfy { scalar in
        switch scalar.properties.generalCategory {
        case .spaceSeparator, .lineSeparator, .paragraphSeparator: false
        case .control, .format, .surrogate, .privateUse, .unassigned: false
        case .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol: false
        default: true
        }
    }
}
