import Collector

/// Finds the context that statements must run in: the innermost of those that their paths name.
enum ContextInference {
    /// - Returns: nil if no path names a context.
    static func innermost(_ statements: [StatementSyntax], of signal: Signal) -> OTTLContext? {
        let contexts = OTTLContext.contexts(of: signal)
        var found: Int?
        for statement in statements {
            let note = { (path: PathSyntax) in
                guard path.fields.count > 1, let name = path.fields.first?.name,
                    let context = OTTLContext(name: name), let place = contexts.firstIndex(of: context)
                else { return }
                found = max(found ?? 0, place)
            }
            statement.editor?.visit(path: note, call: { _ in })
            statement.condition?.visit(path: note, call: { _ in })
        }
        return found.map { contexts[$0] }
    }

    /// The contexts that the functions of the statements are bound to.
    static func ofFunctions(_ statements: [StatementSyntax]) -> OTTLContext? {
        var found: OTTLContext?
        for statement in statements {
            let note = { (call: CallSyntax) in
                if found == nil { found = FunctionTable.function(call.name)?.context }
            }
            statement.editor?.visit(path: { _ in }, call: note)
            statement.condition?.visit(path: { _ in }, call: note)
        }
        return found
    }
}
