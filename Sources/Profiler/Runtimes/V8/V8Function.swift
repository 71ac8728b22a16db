import Processes

/// What is known of a SharedFunctionInfo: a function's code, of which closures are made.
struct V8Function: Hashable, Sendable {
    /// What it was read from: its name or ScopeInfo, and its script; as long as they are the same, so is the rest.
    var nameOrScopeInfo: UInt64
    var script: UInt64
    /// Number of the script << 32 | number of the function, as runtimes/v8.bpf.c makes it.
    var identity: UInt64
    /// Empty when it has none.
    var name: String
    /// Offset in the script's source; nil when it is not known.
    var start: Int?

    var sizeBytes: Int { 96 + name.utf8.count }
}

extension V8Heap {
    private static var nameLimit: Int { 1024 }

    /// What tells functions apart, as it is now; nil when there is no SharedFunctionInfo at the address.
    func header(ofFunction object: UInt64) -> (nameOrScopeInfo: UInt64, script: UInt64, identity: UInt64)? {
        guard Self.isObject(object), let words = words(object, from: 0, count: 9),
            let map = words.first, type(ofMap: map) == layout.types.shared
        else { return nil }
        let script = words[layout.sharedScript / 8], numbers = words[layout.sharedNumber / 8]
        let number = UInt32(truncatingIfNeeded: numbers >> UInt64(layout.sharedNumber % 8 * 8))
        var scriptNumber: UInt32 = 0
        if Self.isObject(script), let found = half(script, layout.scriptNumber + 4) { scriptNumber = found }
        return (
            words[layout.sharedNameOrScopeInfo / 8], script, UInt64(scriptNumber) << 32 | UInt64(number)
        )
    }

    /// Nil when there is no SharedFunctionInfo at the address.
    func function(at object: UInt64) -> V8Function? {
        guard let header = header(ofFunction: object) else { return nil }
        var name = ""
        var start: Int?
        if isString(header.nameOrScopeInfo) {
            name = string(header.nameOrScopeInfo, limit: Self.nameLimit, cuts: true) ?? ""
        } else if has(header.nameOrScopeInfo, type: layout.types.scopeInfo) {
            (name, start) = scopeInfo(header.nameOrScopeInfo)
        }
        // The collector may have moved things meanwhile.
        guard let after = self.header(ofFunction: object), after == header else { return nil }
        return V8Function(
            nameOrScopeInfo: header.nameOrScopeInfo, script: header.script, identity: header.identity, name: name,
            start: start)
    }

    private static var localsLimit: Int { 1 << 16 }
    /// Above it the names of locals are in one table.
    private static var inlinedLocals: Int { 75 }

    /// A function's name, or else the one that was inferred for it, and where it begins.
    private func scopeInfo(_ object: UInt64) -> (name: String, start: Int?) {
        let start = layout.scopeInfoStart
        guard let word = word(object, start + layout.scopeInfoLocalCount * 8), let count = Self.smallInteger(word),
            count >= 0, count < Self.localsLimit
        else { return ("", nil) }
        let locals = Int(count) <= Self.inlinedLocals ? Int(count) * 2 : Int(count) + 1
        let behind = start + (layout.scopeInfoFirstLocal + locals) * 8
        // Whatever the object has, pages are longer than this.
        guard let words = (0...8).lazy.compactMap({ words(object, from: behind, count: 10 - $0) }).first else {
            return ("", nil)
        }
        // Behind the names come the scope around it, and what a module has: strings in those are none of its names.
        let strings = words.prefix(6).prefix { word in
            guard let type = type(word) else { return true }
            return type < layout.types.firstNonstring || layout.types.withoutValue.contains(type)
        }.filter { isString($0) }.prefix(2)
        let name = strings.lazy.compactMap { self.string($0, limit: Self.nameLimit, cuts: true) }.first { !$0.isEmpty } ?? ""
        if let position = layout.scopeInfoPosition {
            return (name, self.word(object, start + position * 8).flatMap(Self.smallInteger).map(Int.init))
        }
        // The place of the function's own name may come right before start and end.
        guard let first = words.indices.first(where: { index in
            index + 1 < words.count && Self.isSmallInteger(words[index]) && Self.isSmallInteger(words[index + 1])
        }) else { return (name, nil) }
        let run = words[first...].prefix { Self.isSmallInteger($0) }
        let position = run.dropLast().last.flatMap(Self.smallInteger).map(Int.init)
        return (name, position.flatMap { $0 >= 0 ? $0 : nil })
    }
}
