import Collector

/// Conditions of which one is enough, for the items of one context.
public struct OTTLConditions: Sendable {
    private struct Item: Sendable {
        var text: String
        var condition: Condition
    }

    public let context: OTTLContext
    public let errorMode: OTTLErrorMode
    private let items: [Item]

    /// Reads conditions.
    /// - Parameters:
    ///   - context: What they run for; nil: the innermost that one of their paths names.
    ///   - allowsShortPaths: Whether paths may leave out the context's name.
    ///   - report: Takes what is wrong; there may be several.
    /// - Returns: nil if something is wrong.
    public init?(
        _ texts: [String], signal: Signal, context: OTTLContext? = nil, allowsShortPaths: Bool = false,
        errorMode: OTTLErrorMode, report: (OTTLSyntaxError) -> Void
    ) {
        guard let parsed = texts.parsed(Parser.condition, report),
            let context = parsed.context(context, signal: signal, report)
        else { return nil }
        let compiler = Compiler(signal: signal, context: context, allowsShortPaths: allowsShortPaths)
        var items: [Item] = []
        for statement in parsed {
            guard let syntax = statement.condition else { continue }
            do throws(PlacedError) {
                items.append(Item(text: statement.text, condition: try compiler.condition(syntax)))
            } catch {
                report(OTTLSyntaxError(statement.text, offset: error.offset, error.message))
            }
        }
        guard items.count == texts.count else { return nil }
        self.context = context
        self.errorMode = errorMode
        self.items = items
    }

    /// Removes the items that a condition holds for, and what is empty then.
    /// - Parameter log: Takes the errors that are to be logged.
    /// - Throws: `OTTLRuntimeError` with `propagate`; the batch is then in pieces.
    public func removeMatching(from telemetry: inout Telemetry, log: (OTTLRuntimeError) -> Void) throws {
        guard !items.isEmpty else { return }
        try TelemetryWalk().visit(&telemetry, context, removesEmpty: true) { try !holds($0, log) }
    }

    func holds(_ evaluation: Evaluation, _ log: (OTTLRuntimeError) -> Void) throws -> Bool {
        for item in items {
            do {
                if try item.condition(evaluation) { return true }
            } catch {
                let error = OTTLRuntimeError(item.text, error)
                switch errorMode {
                case .ignore: log(error)
                case .silent: break
                case .propagate: throw error
                }
            }
        }
        return false
    }
}

extension [String] {
    /// All of them parsed; nil, with every error reported, if one is wrong.
    func parsed(
        _ parse: (String) throws(OTTLSyntaxError) -> StatementSyntax, _ report: (OTTLSyntaxError) -> Void
    ) -> [StatementSyntax]? {
        var parsed: [StatementSyntax] = []
        for text in self {
            do throws(OTTLSyntaxError) {
                parsed.append(try parse(text))
            } catch {
                report(error)
            }
        }
        return parsed.count == count ? parsed : nil
    }
}

extension [StatementSyntax] {
    /// The context that is given, or else the one that paths or functions ask for.
    func context(
        _ given: OTTLContext?, signal: Signal, _ report: (OTTLSyntaxError) -> Void
    ) -> OTTLContext? {
        if let given { return given }
        let inner = ContextInference.innermost(self, of: signal)
        // A function of metrics needs metrics, even if paths name only what they lie in.
        if let needed = ContextInference.ofFunctions(self) {
            let contexts = OTTLContext.contexts(of: signal)
            let places = [inner, needed].compactMap { $0.flatMap { contexts.firstIndex(of: $0) } }
            if let place = places.max() { return contexts[place] }
        }
        if let inner { return inner }
        // Nothing names a context: one that does not need any serves all.
        let contexts = OTTLContext.contexts(of: signal).map(\.rawValue)
        let names = contexts.joined(separator: ", ")
        guard let first else { return .resource }
        let path = first.firstPath
        // A word that is nearly a context's name is one that was misspelt.
        let nearest = path.flatMap { path in
            path.fields.count > 1 ? path.fields.first.flatMap { nearestSpelling(to: $0.name, among: contexts) } : nil
        }
        let hint = nearest.map { "; did you mean \"\($0)\"?" } ?? ""
        report(
            OTTLSyntaxError(
                first.text, offset: path?.fields.first?.offset ?? 0,
                path.map { "\"\($0.text)\" does not begin with one of \(names)\(hint)" }
                    ?? "no path says what to look at; paths of \(signal) begin with \(names)"))
        return nil
    }
}

extension StatementSyntax {
    fileprivate var firstPath: PathSyntax? {
        var found: PathSyntax?
        editor?.visit(path: { found = found ?? $0 }, call: { _ in })
        condition?.visit(path: { found = found ?? $0 }, call: { _ in })
        return found
    }
}
