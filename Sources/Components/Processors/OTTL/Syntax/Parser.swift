/// Reads statements and conditions of the OpenTelemetry Transformation Language
/// (https://github.com/open-telemetry/opentelemetry-collector-contrib/blob/main/pkg/ottl/LANGUAGE.md).
///
/// Values and conditions share one grammar, from the loosest: `or`, `and`, `not`, comparison, `+ -`, `* /`, single
/// values. What must be a condition and what a value is decided by the compiler.
struct Parser {
    private let tokens: [Token]
    private var position = 0
    private var depth = 0

    private init(_ text: String) throws(PlacedError) {
        tokens = try Lexer.tokens(of: text)
    }

    /// An editor and, after `where`, its condition.
    static func statement(_ text: String) throws(OTTLSyntaxError) -> StatementSyntax {
        try placed(text) { (parser: inout Parser) throws(PlacedError) in
            guard case .lowerIdentifier(let name) = parser.current.kind else {
                throw PlacedError(
                    offset: parser.current.offset,
                    message: "expected a function that changes something, such as set, got "
                        + parser.current.description)
            }
            let offset = parser.advance().offset
            var editor = CallSyntax(name: name, offset: offset, arguments: [])
            guard parser.current.kind == .symbol(.openParenthesis) else {
                throw PlacedError(
                    offset: parser.current.offset,
                    message: "expected \"(\" after \"\(name)\", got \(parser.current.description)")
            }
            editor.arguments = try parser.arguments()
            var condition: Syntax?
            if parser.take(.where) { condition = try parser.disjunction() }
            return StatementSyntax(text: text, editor: editor, condition: condition)
        }
    }

    static func condition(_ text: String) throws(OTTLSyntaxError) -> StatementSyntax {
        try placed(text) { (parser: inout Parser) throws(PlacedError) in
            StatementSyntax(text: text, editor: nil, condition: try parser.disjunction())
        }
    }

    private static func placed(
        _ text: String, _ body: (inout Parser) throws(PlacedError) -> StatementSyntax
    ) throws(OTTLSyntaxError) -> StatementSyntax {
        do throws(PlacedError) {
            var parser = try Parser(text)
            let result = try body(&parser)
            guard parser.current.kind == .end else {
                throw PlacedError(
                    offset: parser.current.offset, message: "expected the end, got \(parser.current.description)")
            }
            return result
        } catch {
            throw OTTLSyntaxError(text, offset: error.offset, error.message)
        }
    }

    // MARK: - Words

    /// The last token is the end, and it is never passed.
    private var current: Token { tokens[min(position, tokens.count - 1)] }
    private var following: Token { tokens[min(position + 1, tokens.count - 1)] }

    @discardableResult
    private mutating func advance() -> Token {
        defer { position += 1 }
        return current
    }

    private mutating func take(_ symbol: Token.Symbol) -> Bool {
        guard current.kind == .symbol(symbol) else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ symbol: Token.Symbol) throws(PlacedError) {
        guard take(symbol) else {
            throw PlacedError(
                offset: current.offset, message: "expected \"\(symbol.rawValue)\", got \(current.description)")
        }
    }

    private mutating func nested<Result>(
        _ body: (inout Parser) throws(PlacedError) -> Result
    ) throws(PlacedError) -> Result {
        depth += 1
        guard depth <= SyntaxLimits.depth else {
            throw PlacedError(offset: current.offset, message: "nested deeper than \(SyntaxLimits.depth) levels")
        }
        let result = try body(&self)
        depth -= 1
        return result
    }

    // MARK: - Conditions

    private mutating func disjunction() throws(PlacedError) -> Syntax {
        let offset = current.offset
        var items = [try conjunction()]
        while take(.or) { items.append(try conjunction()) }
        return items.count == 1 ? items[0] : Syntax(kind: .or(items), offset: offset)
    }

    private mutating func conjunction() throws(PlacedError) -> Syntax {
        let offset = current.offset
        var items = [try negation()]
        while take(.and) { items.append(try negation()) }
        return items.count == 1 ? items[0] : Syntax(kind: .and(items), offset: offset)
    }

    private mutating func negation() throws(PlacedError) -> Syntax {
        let offset = current.offset
        guard take(.not) else { return try comparison() }
        let inner = try nested { (parser: inout Parser) throws(PlacedError) in try parser.negation() }
        return Syntax(kind: .not(inner), offset: offset)
    }

    private mutating func comparison() throws(PlacedError) -> Syntax {
        let left = try sum()
        guard case .symbol(let symbol) = current.kind,
            let operation = ComparisonOperator(rawValue: symbol.rawValue)
        else { return left }
        let offset = advance().offset
        return Syntax(kind: .comparison(operation, left, try sum()), offset: offset)
    }

    // MARK: - Values

    private mutating func sum() throws(PlacedError) -> Syntax {
        try chain([.plus, .minus]) { (parser: inout Parser) throws(PlacedError) in
            try parser.chain([.times, .divided]) { (parser: inout Parser) throws(PlacedError) in
                try parser.value()
            }
        }
    }

    private mutating func chain(
        _ operations: [ArithmeticOperator], _ operand: (inout Parser) throws(PlacedError) -> Syntax
    ) throws(PlacedError) -> Syntax {
        let offset = current.offset
        var terms: [(operation: ArithmeticOperator, operand: Syntax)] = [(.plus, try operand(&self))]
        while case .symbol(let symbol) = current.kind, let operation = ArithmeticOperator(rawValue: symbol.rawValue),
            operations.contains(operation)
        {
            advance()
            terms.append((operation, try operand(&self)))
        }
        return terms.count == 1 ? terms[0].operand : Syntax(kind: .arithmetic(terms), offset: offset)
    }

    private mutating func value() throws(PlacedError) -> Syntax {
        let token = current
        func literal(_ value: OTTLValue) -> Syntax { Syntax(kind: .literal(value), offset: token.offset) }
        switch token.kind {
        case .string(let text):
            advance()
            return literal(.string(text))
        case .integer, .double: return try number(isNegative: false, from: token.offset)
        case .bytes(let bytes):
            advance()
            return literal(.bytes(bytes))
        case .lowerIdentifier(let name):
            if following.kind == .symbol(.openParenthesis) {
                throw PlacedError(
                    offset: token.offset,
                    message: "\"\(name)\" changes something and cannot be a value; converters begin with a capital")
            }
            return try path()
        case .upperIdentifier(let name):
            advance()
            guard current.kind == .symbol(.openParenthesis) else {
                return Syntax(kind: .symbol(name), offset: token.offset)
            }
            var call = CallSyntax(name: name, offset: token.offset, arguments: try arguments())
            call.keys = try keys()
            return Syntax(kind: .call(call), offset: token.offset)
        case .symbol(let symbol):
            switch symbol {
            case .true, .false:
                advance()
                return literal(.boolean(symbol == .true))
            case .nil:
                advance()
                return literal(.nothing)
            case .plus, .minus:
                advance()
                return try number(isNegative: symbol == .minus, from: token.offset)
            case .openParenthesis:
                return try nested { (parser: inout Parser) throws(PlacedError) in
                    parser.advance()
                    let inner = try parser.disjunction()
                    try parser.expect(.closeParenthesis)
                    return inner
                }
            case .openBracket: return try list()
            case .openBrace: return try map()
            default: throw PlacedError(offset: token.offset, message: "expected a value, got \(token.description)")
            }
        case .end: throw PlacedError(offset: token.offset, message: "expected a value, got the end")
        }
    }

    private mutating func number(isNegative: Bool, from offset: Int) throws(PlacedError) -> Syntax {
        let token = advance()
        switch token.kind {
        case .integer(let magnitude):
            let value = isNegative ? Int64(exactly: -Int128(magnitude)) : Int64(exactly: magnitude)
            guard let value else {
                throw PlacedError(offset: token.offset, message: "\(magnitude) does not fit into 64 bits")
            }
            return Syntax(kind: .literal(.integer(value)), offset: offset)
        case .double(let value):
            return Syntax(kind: .literal(.double(isNegative ? -value : value)), offset: offset)
        default:
            throw PlacedError(offset: token.offset, message: "expected a number, got \(token.description)")
        }
    }

    private mutating func path() throws(PlacedError) -> Syntax {
        let offset = current.offset
        var fields: [PathSyntax.Field] = []
        repeat {
            guard case .lowerIdentifier(let name) = current.kind else {
                throw PlacedError(
                    offset: current.offset, message: "expected the name of a field, got \(current.description)")
            }
            let place = advance().offset
            fields.append(PathSyntax.Field(name: name, offset: place, keys: try keys()))
        } while take(.dot)
        return Syntax(kind: .path(PathSyntax(fields: fields)), offset: offset)
    }

    private mutating func keys() throws(PlacedError) -> [Syntax] {
        var keys: [Syntax] = []
        while current.kind == .symbol(.openBracket) {
            let key = try nested { (parser: inout Parser) throws(PlacedError) in
                parser.advance()
                let key = try parser.sum()
                try parser.expect(.closeBracket)
                return key
            }
            keys.append(key)
            guard keys.count <= SyntaxLimits.depth else {
                throw PlacedError(offset: key.offset, message: "more than \(SyntaxLimits.depth) keys")
            }
        }
        return keys
    }

    private mutating func list() throws(PlacedError) -> Syntax {
        let offset = current.offset
        return try nested { (parser: inout Parser) throws(PlacedError) in
            parser.advance()
            var items: [Syntax] = []
            while parser.current.kind != .symbol(.closeBracket) {
                items.append(try parser.sum())
                guard parser.take(.comma) else { break }
            }
            try parser.expect(.closeBracket)
            return Syntax(kind: .list(items), offset: offset)
        }
    }

    private mutating func map() throws(PlacedError) -> Syntax {
        let offset = current.offset
        return try nested { (parser: inout Parser) throws(PlacedError) in
            parser.advance()
            var items: [(key: String, value: Syntax)] = []
            while case .string(let key) = parser.current.kind {
                parser.advance()
                try parser.expect(.colon)
                items.append((key, try parser.sum()))
                guard parser.take(.comma) else { break }
            }
            try parser.expect(.closeBrace)
            return Syntax(kind: .map(items), offset: offset)
        }
    }

    private mutating func arguments() throws(PlacedError) -> [CallSyntax.Argument] {
        try nested { (parser: inout Parser) throws(PlacedError) in
            try parser.expect(.openParenthesis)
            var arguments: [CallSyntax.Argument] = []
            while parser.current.kind != .symbol(.closeParenthesis) {
                let offset = parser.current.offset
                var name: String?
                if case .lowerIdentifier(let word) = parser.current.kind,
                    parser.following.kind == .symbol(.assign)
                {
                    name = word
                    parser.advance()
                    parser.advance()
                }
                arguments.append(CallSyntax.Argument(name: name, value: try parser.disjunction(), offset: offset))
                guard parser.take(.comma) else { break }
            }
            try parser.expect(.closeParenthesis)
            return arguments
        }
    }
}
