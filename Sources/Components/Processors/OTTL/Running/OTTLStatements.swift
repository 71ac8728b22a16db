import Collector

/// Statements that are done one after the other for each item of one context.
public struct OTTLStatements: Sendable {
    private struct Statement: Sendable {
        var text: String
        var editor: Editor
        var condition: Condition?
    }

    public let context: OTTLContext
    public let errorMode: OTTLErrorMode
    private let statements: [Statement]
    /// One must hold for the statements to be done; nil: there are none.
    private let conditions: OTTLConditions?

    /// Reads statements, and conditions for all of them; the parameters are those of `OTTLConditions`.
    public init?(
        _ texts: [String], conditions: [String] = [], signal: Signal, context: OTTLContext? = nil,
        allowsShortPaths: Bool = false, errorMode: OTTLErrorMode, report: (OTTLSyntaxError) -> Void
    ) {
        let parsed = texts.parsed(Parser.statement, report)
        let parsedConditions = conditions.parsed(Parser.condition, report)
        guard let parsed, let parsedConditions,
            let context = (parsed + parsedConditions).context(context, signal: signal, report)
        else { return nil }
        let compiler = Compiler(signal: signal, context: context, allowsShortPaths: allowsShortPaths)
        var statements: [Statement] = []
        for statement in parsed {
            guard let call = statement.editor else { continue }
            do throws(PlacedError) {
                var condition: Condition?
                // Both are looked at, but one error each is enough.
                let editor = try compiler.editor(call)
                if let syntax = statement.condition { condition = try compiler.condition(syntax) }
                statements.append(Statement(text: statement.text, editor: editor, condition: condition))
            } catch {
                report(OTTLSyntaxError(statement.text, offset: error.offset, error.message))
            }
        }
        var common: OTTLConditions?
        if !conditions.isEmpty {
            common = OTTLConditions(
                conditions, signal: signal, context: context, allowsShortPaths: allowsShortPaths,
                errorMode: errorMode, report: report)
            if common == nil { return nil }
        }
        guard statements.count == texts.count else { return nil }
        self.context = context
        self.errorMode = errorMode
        self.statements = statements
        self.conditions = common
    }

    /// Does the statements.
    /// - Parameter log: Takes the errors that are to be logged.
    /// - Throws: `OTTLRuntimeError` with `propagate`; the batch is then in pieces.
    public func run(on telemetry: inout Telemetry, log: (OTTLRuntimeError) -> Void) throws {
        try TelemetryWalk().visit(&telemetry, context) { evaluation in
            if let conditions, try !conditions.holds(evaluation, log) { return true }
            for statement in statements {
                do {
                    if let condition = statement.condition, try !condition(evaluation) { continue }
                    try statement.editor(evaluation)
                } catch {
                    let error = OTTLRuntimeError(statement.text, error)
                    switch errorMode {
                    case .ignore: log(error)
                    case .silent: break
                    case .propagate: throw error
                    }
                }
            }
            return true
        }
    }
}
