import Collector
import OTLP

/// A value to be worked out for one item.
typealias Expression = @Sendable (Evaluation) throws -> OTTLValue
typealias Condition = @Sendable (Evaluation) throws -> Bool
typealias Editor = @Sendable (Evaluation) throws -> Void

/// Turns what was written into what can be run, checking names, types where they are known, and numbers of arguments.
struct Compiler {
    let signal: Signal
    /// What the statement runs for.
    let context: OTTLContext
    /// Whether paths may leave out the context's name.
    let allowsShortPaths: Bool

    // MARK: - Values

    func expression(_ syntax: Syntax) throws(PlacedError) -> Expression {
        switch syntax.kind {
        case .literal(let value): return { _ in value }
        case .symbol(let name):
            guard let value = Enumerations.value(name) else {
                throw PlacedError(
                    offset: syntax.offset,
                    message: Self.unknown("value", name, among: Enumerations.names + FunctionTable.converterNames))
            }
            return { _ in .integer(value) }
        case .path(let path): return try compile(path).get
        case .call(let call): return try converter(call)
        case .list(let items):
            let items = try expressions(items)
            return { evaluation in .list(try items.map { try $0(evaluation).any }) }
        case .map(let items):
            var values: [(String, Expression)] = []
            for item in items { values.append((item.key, try expression(item.value))) }
            let entries = values
            return { evaluation in .map(try entries.map { OTLPKeyValue($0.0, try $0.1(evaluation).any) }) }
        case .arithmetic(let terms):
            guard let first = terms.first else { return { _ in .nothing } }
            let start = try expression(first.operand)
            var steps: [(ArithmeticOperator, Expression)] = []
            for term in terms.dropFirst() { steps.append((term.operation, try expression(term.operand))) }
            let rest = steps
            return { evaluation in
                var result = try start(evaluation)
                for (operation, operand) in rest { result = try result.combined(operation, try operand(evaluation)) }
                return result
            }
        case .comparison, .not, .and, .or:
            let condition = try condition(syntax)
            return { .boolean(try condition($0)) }
        }
    }

    func expressions(_ items: [Syntax]) throws(PlacedError) -> [Expression] {
        var result: [Expression] = []
        for item in items { result.append(try expression(item)) }
        return result
    }

    // MARK: - Conditions

    func condition(_ syntax: Syntax) throws(PlacedError) -> Condition {
        switch syntax.kind {
        case .literal(.boolean(let flag)): return { _ in flag }
        case .not(let inner):
            let inner = try condition(inner)
            return { try !inner($0) }
        case .and(let items):
            let items = try conditions(items)
            return { evaluation in try items.allSatisfy { try $0(evaluation) } }
        case .or(let items):
            let items = try conditions(items)
            return { evaluation in try items.contains { try $0(evaluation) } }
        case .comparison(let operation, let left, let right):
            let left = try expression(left)
            let right = try expression(right)
            return { try left($0).compare(operation, try right($0)) }
        case .call(let call):
            let value = try converter(call)
            let name = call.name
            return { evaluation in
                let result = try value(evaluation)
                guard case .boolean(let flag) = result else {
                    throw EvaluationError("\(name) yields \(result.kind), where true or false is needed")
                }
                return flag
            }
        case .literal, .symbol, .path, .list, .map, .arithmetic:
            throw PlacedError(
                offset: syntax.offset,
                message: "expected a condition, such as a comparison; to test a flag write == true")
        }
    }

    private func conditions(_ items: [Syntax]) throws(PlacedError) -> [Condition] {
        var result: [Condition] = []
        for item in items { result.append(try condition(item)) }
        return result
    }

    // MARK: - Calls

    func editor(_ call: CallSyntax) throws(PlacedError) -> Editor {
        guard let function = FunctionTable.function(call.name), case .editor(let make) = function.body else {
            throw PlacedError(
                offset: call.offset, message: Self.unknown("function", call.name, among: FunctionTable.editorNames))
        }
        return try make(try arguments(call, function))
    }

    func converter(_ call: CallSyntax) throws(PlacedError) -> Expression {
        guard let function = FunctionTable.function(call.name), case .converter(let make) = function.body else {
            throw PlacedError(
                offset: call.offset,
                message: Self.unknown("converter", call.name, among: FunctionTable.converterNames))
        }
        let value = try make(try arguments(call, function))
        guard !call.keys.isEmpty else { return value }
        let keys = try expressions(call.keys)
        return { evaluation in
            try keys.reduce(try value(evaluation)) { try $0.element(try $1(evaluation)) }
        }
    }

    static func unknown(_ kind: String, _ name: String, among candidates: [String]) -> String {
        let message = "unknown \(kind) \"\(name)\""
        guard let nearest = nearestSpelling(to: name, among: candidates.sorted()) else { return message }
        return "\(message); did you mean \"\(nearest)\"?"
    }
}
