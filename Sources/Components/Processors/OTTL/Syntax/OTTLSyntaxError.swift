/// What is wrong with a statement or condition, and where.
public struct OTTLSyntaxError: Error, Sendable, Equatable, CustomStringConvertible {
    /// As the user wrote it; long ones are cut.
    public let statement: String
    /// From 1, in characters.
    public let column: Int
    /// What is wrong and, where there is one, the nearest valid name.
    public let message: String

    init(_ statement: String, offset: Int, _ message: String) {
        self.statement = statement.count > 200 ? "\(statement.prefix(200))…" : statement
        self.column = offset + 1
        self.message = message
    }

    public var description: String { "statement \"\(statement)\": column \(column): \(message)" }
}

/// What one statement may cost: far above what people write.
enum SyntaxLimits {
    static let characters = 16 << 10
    /// Of parentheses, lists, maps and calls in each other.
    static let depth = 64
}

/// An error that does not yet know its statement.
struct PlacedError: Error {
    var offset: Int
    var message: String
}
