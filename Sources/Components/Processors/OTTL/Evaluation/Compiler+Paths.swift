import Collector
import OTLP

/// A field, with the keys that follow it.
struct CompiledPath: Sendable {
    let get: Expression
    /// Changes the value in place; nil: it cannot be changed.
    let update: Accessor.Update?
    let text: String
    let offset: Int

    func requireUpdate() throws(PlacedError) -> Accessor.Update {
        guard let update else { throw PlacedError(offset: offset, message: "\"\(text)\" cannot be changed") }
        return update
    }
}

extension Compiler {
    func compile(_ path: PathSyntax) throws(PlacedError) -> CompiledPath {
        let offset = path.fields.first?.offset ?? 0
        let (own, fields) = try resolve(path)
        let name = fields.map(\.name).joined(separator: ".")
        for field in fields.dropLast() where !field.keys.isEmpty {
            throw PlacedError(offset: field.offset, message: "\"\(field.name)\" has fields, not elements")
        }
        let table = PathTable.fields(of: own)
        guard let accessor = table[name] else {
            let candidates = OTTLContext.contexts(of: signal).filter(isReachable).flatMap { context in
                PathTable.fields(of: context).keys.map { "\(context.rawValue).\($0)" }
            }
            throw PlacedError(
                offset: offset, message: Self.unknown("path", "\(own.rawValue).\(name)", among: candidates))
        }
        let keys = fields.last?.keys ?? []
        guard !keys.isEmpty else {
            return CompiledPath(get: accessor.get, update: accessor.update, text: path.text, offset: offset)
        }
        if own == .span, name == "trace_state", keys.count == 1, case .literal(.string(let key)) = keys[0].kind {
            let member = PathTable.traceStateMember(key)
            return CompiledPath(get: member.get, update: member.update, text: path.text, offset: offset)
        }
        guard accessor.hasElements else {
            throw PlacedError(offset: keys[0].offset, message: "\"\(path.text)\" has no elements")
        }
        return element(of: accessor, try expressions(keys), path.text, offset)
    }

    private func element(
        of accessor: Accessor, _ keys: [Expression], _ text: String, _ offset: Int
    ) -> CompiledPath {
        let update = accessor.update.map { update -> Accessor.Update in
            { evaluation, body in
                let keys = try keys.map { try $0(evaluation) }
                try update(evaluation) { try $0.update(at: keys[...], body) }
            }
        }
        let get = accessor.get
        return CompiledPath(
            get: { evaluation in
                try keys.reduce(try get(evaluation)) { try $0.element(try $1(evaluation)) }
            }, update: update, text: text, offset: offset)
    }

    /// Which context a path begins with, and the fields behind its name.
    private func resolve(_ path: PathSyntax) throws(PlacedError) -> (OTTLContext, [PathSyntax.Field]) {
        guard let first = path.fields.first else { throw PlacedError(offset: 0, message: "an empty path") }
        if path.fields.count > 1, first.keys.isEmpty, let named = OTTLContext(name: first.name) {
            if isReachable(named) { return (named, Array(path.fields.dropFirst())) }
            let contexts = OTTLContext.contexts(of: signal)
            if contexts.contains(named) {
                throw PlacedError(
                    offset: first.offset,
                    message: "\"\(first.name)\" is not known where a statement runs for each \(context.rawValue)")
            }
            throw PlacedError(
                offset: first.offset,
                message: "\"\(first.name)\" is no part of \(signal); paths begin with "
                    + contexts.map(\.rawValue).joined(separator: ", "))
        }
        guard !allowsShortPaths else { return (context, path.fields) }
        let contexts = OTTLContext.contexts(of: signal).map(\.rawValue)
        // A word that is nearly a context's name is one that was misspelt.
        var hint = "; write for example \"\(context.rawValue).\(path.text)\""
        if path.fields.count > 1, let nearest = nearestSpelling(to: first.name, among: contexts) {
            hint = "; did you mean \"\(nearest)\"?"
        }
        throw PlacedError(
            offset: first.offset,
            message: "\"\(path.text)\" does not begin with one of \(contexts.joined(separator: ", "))\(hint)")
    }

    /// Whether an item of the context, or something that it lies in, is of another context.
    private func isReachable(_ other: OTTLContext) -> Bool {
        let contexts = OTTLContext.contexts(of: signal)
        guard let own = contexts.firstIndex(of: context), let place = contexts.firstIndex(of: other) else {
            return false
        }
        return place <= own
    }
}
