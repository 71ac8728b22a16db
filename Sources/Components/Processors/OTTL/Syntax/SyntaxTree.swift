/// A statement or a condition as it was written.
struct StatementSyntax: Sendable {
    var text: String
    /// nil: a condition alone.
    var editor: CallSyntax?
    var condition: Syntax?
}

/// One value with its place.
struct Syntax: Sendable {
    indirect enum Kind: Sendable {
        case literal(OTTLValue)
        case list([Syntax])
        case map([(key: String, value: Syntax)])
        case path(PathSyntax)
        /// An enumeration's value, or a converter that is handed over.
        case symbol(String)
        case call(CallSyntax)
        /// The first operand's operator is without meaning.
        case arithmetic([(operation: ArithmeticOperator, operand: Syntax)])
        case comparison(ComparisonOperator, Syntax, Syntax)
        case not(Syntax)
        case and([Syntax])
        case or([Syntax])
    }

    var kind: Kind
    /// In characters of the statement.
    var offset: Int
}

struct CallSyntax: Sendable {
    struct Argument: Sendable {
        var name: String?
        var value: Syntax
        var offset: Int
    }

    var name: String
    var offset: Int
    var arguments: [Argument]
    /// `Split(…)[1]`
    var keys: [Syntax] = []
}

/// `resource.attributes["a"]["b"]`
struct PathSyntax: Sendable {
    struct Field: Sendable {
        var name: String
        var offset: Int
        var keys: [Syntax]
    }

    var fields: [Field]
    var text: String { fields.map(\.name).joined(separator: ".") }
}

enum ArithmeticOperator: String, Sendable {
    case plus = "+", minus = "-", times = "*", divided = "/"
}

enum ComparisonOperator: String, Sendable {
    case equal = "==", unequal = "!=", less = "<", greater = ">", lessOrEqual = "<=", greaterOrEqual = ">="
}

extension Syntax {
    /// Calls the body with all paths and all calls within.
    func visit(path: (PathSyntax) -> Void, call: (CallSyntax) -> Void) {
        switch kind {
        case .literal, .symbol: break
        case .list(let items): for item in items { item.visit(path: path, call: call) }
        case .map(let items): for item in items { item.value.visit(path: path, call: call) }
        case .path(let own):
            path(own)
            for field in own.fields { for key in field.keys { key.visit(path: path, call: call) } }
        case .call(let own): own.visit(path: path, call: call)
        case .arithmetic(let terms): for term in terms { term.operand.visit(path: path, call: call) }
        case .comparison(_, let left, let right):
            left.visit(path: path, call: call)
            right.visit(path: path, call: call)
        case .not(let inner): inner.visit(path: path, call: call)
        case .and(let items), .or(let items): for item in items { item.visit(path: path, call: call) }
        }
    }
}

extension CallSyntax {
    func visit(path: (PathSyntax) -> Void, call: (CallSyntax) -> Void) {
        call(self)
        for argument in arguments { argument.value.visit(path: path, call: call) }
        for key in keys { key.visit(path: path, call: call) }
    }
}
