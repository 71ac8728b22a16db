/// Replaces `${…}` references in the values of a configuration.
///
/// - `${env:NAME}`, `${NAME}`, `${env:NAME:-default}`, `${file:path}`, `${yaml:text}`; innermost first.
/// - A value that is nothing but one reference takes the type that its YAML has, and keeps the text for fields that
///   want a string. Inside other text, the text is put in.
/// - `$$` is a literal `$`, so `$${X}` stays `${X}`. A `$` that begins no reference is literal.
/// - What a reference yields is expanded again.
struct VariableExpansion {
    /// How deep references may yield references.
    static let maximumDepth = 1000
    /// References in one configuration: lists of references that multiply must end.
    static let maximumReferences = 100_000
    /// Bytes of one expanded text: references that multiply must not eat all memory.
    static let maximumTextBytes = 64 << 20

    let providers: [String: any ConfigurationProvider]
    private(set) var notices: [ConfigurationNotice] = []
    private var remainingReferences = VariableExpansion.maximumReferences

    init(providers: [String: any ConfigurationProvider]) {
        self.providers = providers
    }

    // MARK: - Trees

    /// The tree with all references replaced, and `$$` by `$` in the end.
    mutating func expand(_ node: ConfigurationNode) async throws -> ConfigurationNode {
        remainingReferences = Self.maximumReferences
        return try await expand(node, depth: 0).unescaped()
    }

    private mutating func expand(_ node: ConfigurationNode, depth: Int) async throws -> ConfigurationNode {
        var result = node
        switch node.value {
        case .null, .boolean, .integer, .floatingPoint: break
        case .string(let text):
            return try await expand(text, at: node.location, depth: depth)
        case .list(let items):
            var expanded: [ConfigurationNode] = []
            expanded.reserveCapacity(items.count)
            for item in items { expanded.append(try await expand(item, depth: depth)) }
            result.value = .list(expanded)
        case .map(let map):
            var expanded = ConfigurationMap()
            for var entry in map.entries {
                entry.node = try await expand(entry.node, depth: depth)
                expanded.set(entry)
            }
            result.value = .map(expanded)
        }
        return result
    }

    /// A text that is a value of its own.
    private mutating func expand(
        _ text: String, at location: SourceLocation?, depth: Int
    ) async throws -> ConfigurationNode {
        let pieces = ReferenceScanner.pieces(of: text)
        if pieces.count == 1, case .reference(let inner) = pieces[0] {
            return try await resolve(inner, at: location, depth: depth)
        }
        return ConfigurationNode(.string(try await join(pieces, at: location, depth: depth)), location: location)
    }

    // MARK: - References

    /// The typed value of one reference.
    private mutating func resolve(
        _ inner: [ReferenceScanner.Piece], at location: SourceLocation?, depth: Int
    ) async throws -> ConfigurationNode {
        switch try await retrieve(inner, at: location, depth: depth) {
        case .null: return ConfigurationNode(.null, location: location)
        case .literal(let text): return ConfigurationNode(.string(text), originalText: text, location: location)
        case .text(let text):
            var result: ConfigurationNode
            do {
                result = try YAMLDocument.parse(text, fixedLocation: location)
            } catch {
                // What is no YAML is a string.
                result = ConfigurationNode(.string(text))
            }
            result = try await expand(result, depth: depth + 1)
            result.originalText = try await join(
                ReferenceScanner.pieces(of: text), at: location, depth: depth + 1)
            result.location = location
            return result
        }
    }

    /// The text of all pieces together.
    private mutating func join(
        _ pieces: [ReferenceScanner.Piece], at location: SourceLocation?, depth: Int
    ) async throws -> String {
        var result = ""
        for piece in pieces {
            switch piece {
            case .text(let text): result += text
            case .reference(let inner):
                switch try await retrieve(inner, at: location, depth: depth) {
                case .null: break
                case .literal(let text): result += text
                case .text(let text):
                    result += try await join(ReferenceScanner.pieces(of: text), at: location, depth: depth + 1)
                }
            }
            guard result.utf8.count <= Self.maximumTextBytes else {
                throw failure("expands to more than \(Self.maximumTextBytes) bytes", location)
            }
        }
        return result
    }

    /// What stands behind `${inner}`.
    private mutating func retrieve(
        _ inner: [ReferenceScanner.Piece], at location: SourceLocation?, depth: Int
    ) async throws -> RetrievedConfiguration.Content {
        remainingReferences -= 1
        guard depth < Self.maximumDepth, remainingReferences >= 0 else {
            throw failure("too many recursive expansions", location)
        }
        let text = try await join(inner, at: location, depth: depth + 1)
        guard !text.contains("$") else {
            throw failure("the uri \"\(text)\" contains unsupported characters ('$')", location)
        }
        let uri: ConfigurationURI
        if !text.contains(":") {
            uri = ConfigurationURI(scheme: "env", opaque: text)
        } else if let parsed = ConfigurationURI(parsing: text) {
            uri = parsed
        } else {
            throw failure("invalid uri: \"\(text)\"\(Self.hint(text))", location)
        }
        guard let provider = providers[uri.scheme] else {
            throw failure("scheme \"\(uri.scheme)\" is not supported for uri \"\(text)\"\(Self.hint(text))", location)
        }
        do {
            let retrieved = try await provider.retrieve(uri.opaque)
            if let notice = retrieved.notice, !notices.contains(notice) { notices.append(notice) }
            if uri.scheme == "file", case .text(let text) = retrieved.content {
                // The newline that ends a text file is not part of a token kept in it.
                return .text(text.hasSuffix("\n") ? String(text.dropLast()) : text)
            }
            return retrieved.content
        } catch {
            throw failure("\(error)", location)
        }
    }

    private static func hint(_ text: String) -> String {
        text.contains(":-") ? "; a default needs the scheme: ${env:\(text)}" : ""
    }

    private func failure(_ message: String, _ location: SourceLocation?) -> CollectorError {
        CollectorError(location.map { "\(message) (\($0))" } ?? message)
    }
}

/// Finds references in a text; knows nothing of what they mean.
enum ReferenceScanner {
    indirect enum Piece {
        case text(String)
        /// What stands between `${` and `}`, which may hold references itself.
        case reference([Piece])

        var isReference: Bool {
            if case .reference = self { true } else { false }
        }
    }

    /// Nested deeper than this is text: no real configuration comes near, and a hostile one must not exhaust the stack.
    static let maximumDepth = 64

    static func pieces(of text: String) -> [Piece] {
        let bytes = Array(text.utf8)
        // The text itself, then the references open at this point, outermost first.
        var levels: [[Piece]] = [[]]
        var literalStart = 0
        var index = 0

        func literal(upTo end: Int) -> [Piece] {
            end > literalStart ? [.text(String(decoding: bytes[literalStart..<end], as: UTF8.self))] : []
        }
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "$") {
                let runStart = index
                while index < bytes.count, bytes[index] == UInt8(ascii: "$") { index += 1 }
                // An odd number of dollars: the last one opens, if a brace follows; the pairs before it are escapes.
                guard index < bytes.count, bytes[index] == UInt8(ascii: "{"), (index - runStart) % 2 == 1,
                    levels.count <= maximumDepth
                else { continue }
                levels[levels.count - 1] += literal(upTo: index - 1)
                levels.append([])
                index += 1
                literalStart = index
            } else if byte == UInt8(ascii: "}"), levels.count > 1 {
                let closed = levels.removeLast()
                levels[levels.count - 1].append(.reference(closed + literal(upTo: index)))
                index += 1
                literalStart = index
            } else {
                index += 1
            }
        }
        // What was opened and never closed is text; what was found inside it stays found.
        var pieces = levels[0]
        for level in levels.dropFirst() { pieces += [.text("${")] + level }
        return pieces + literal(upTo: bytes.count)
    }
}

extension ConfigurationNode {
    /// With `$$` replaced by `$` in every string.
    func unescaped() -> ConfigurationNode {
        var result = self
        result.originalText = originalText.map(Self.unescape)
        switch value {
        case .null, .boolean, .integer, .floatingPoint: break
        case .string(let text): result.value = .string(Self.unescape(text))
        case .list(let items): result.value = .list(items.map { $0.unescaped() })
        case .map(var map):
            map.updateNodes { _, node in node = node.unescaped() }
            result.value = .map(map)
        }
        return result
    }

    private static func unescape(_ text: String) -> String {
        guard text.contains("$$") else { return text }
        var result = ""
        var pending = false
        for character in text {
            if character == "$", !pending {
                pending = true
                continue
            }
            if pending, character != "$" { result.append("$") }
            result.append(character)
            pending = false
        }
        return pending ? result + "$" : result
    }
}
