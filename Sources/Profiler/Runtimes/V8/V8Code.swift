import Processes

/// Machine code that V8 made at run time.
struct V8Code: Hashable, Sendable {
    /// The Code object, and where its instructions begin.
    var object: UInt64
    var start: UInt64
    var sizeBytes: UInt32
    /// `CodeKind`, meaningless before 9.0.240.
    var kind: UInt32
    /// An array where functions were optimised; of baseline code the bytecode.
    var deoptimization: UInt64
    /// Source positions; of baseline code the lengths of the bytecodes' code.
    var positions: UInt64
}

extension V8Heap {
    /// How far before an address its code is looked for.
    private static var searchedBytes: UInt64 { 1 << 20 }
    private static var blockBytes: UInt64 { 4096 }

    /// The code that an address lies in: found by what precedes its instructions, an object's map, going backwards from the
    /// address. Functions do not lead to all of their code: not to that which a running loop has entered (OSR), nor, since
    /// 13.4, to any without V8's own tables.
    ///
    /// - Parameters:
    ///   - address: of a byte of the code.
    ///   - maps: of objects that hold instructions, as far as they are known.
    func code(at address: UInt64, maps: inout Set<UInt64>) -> V8Code? {
        var end = (address & ~7) &+ 8
        let lowest = address > Self.searchedBytes ? address - Self.searchedBytes : 0
        var guesses = 0
        while end > lowest {
            let start = (end - 1) & ~(Self.blockBytes - 1)
            guard let bytes = try? memory.readBytes(at: start, count: Int(end - start)) else { return nil }
            for offset in stride(from: bytes.count - 8, through: 0, by: -8) {
                let word = bytes.withUnsafeBytes {
                    UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                }
                guard Self.isObject(word) else { continue }
                if !maps.contains(word) {
                    // Until one is known, what looks like an object's address is followed.
                    guard maps.isEmpty || guesses < 64, guesses < 4096 else { continue }
                    guesses += 1
                    guard type(ofMap: word) == layout.types.instructions else { continue }
                }
                if let code = code(ofInstructions: start &+ UInt64(offset) | 1), address >= code.start,
                    address - code.start < UInt64(code.sizeBytes)
                {
                    if maps.count < 16 { maps.insert(word) }
                    return code
                }
            }
            end = start
        }
        return nil
    }

    private func code(ofInstructions object: UInt64) -> V8Code? {
        let code: UInt64
        if let field = layout.codeOfInstructions {
            guard let found = word(object, field), has(found, type: layout.types.code) else { return nil }
            code = found
        } else {
            code = object
        }
        guard let size = half(code, layout.codeSize), let flags = half(code, layout.codeFlags),
            let deoptimization = word(code, layout.codeDeoptimization), let positions = word(code, layout.codePositions)
        else { return nil }
        let start: UInt64
        if layout.codeOfInstructions == nil {
            start = Self.start(object) &+ UInt64(layout.codeStart)
        } else {
            guard let found = word(code, layout.codeStart), found > object, found - object < 512 else { return nil }
            start = found
        }
        guard size < 1 << 28 else { return nil }
        return V8Code(
            object: code, start: start, sizeBytes: size, kind: flags & layout.kindMask, deoptimization: deoptimization,
            positions: positions)
    }

    /// A function of optimised code: the SharedFunctionInfo, and the place in it.
    struct Activation: Hashable {
        var function: UInt64
        var position: Int?
    }

    private static var tableLimit: Int { 4 << 20 }
    private static var inliningLimit: Int { 64 }

    /// The functions at an offset in optimised code, the innermost first; nil when the code is not optimised.
    func activations(in code: V8Code, at offset: Int) -> [Activation]? {
        let data = code.deoptimization
        guard let wrapped = element(layout.deoptimizationShared, ofArray: data), var outer = Optional(wrapped) else {
            return nil
        }
        if let wrapper = layout.types.sharedWrapper, has(outer, type: wrapper) {
            guard let inner = word(outer, 8) else { return nil }
            outer = inner
        }
        guard has(outer, type: layout.types.shared) else { return nil }
        guard let table = bytes(ofArray: code.positions, limit: Self.tableLimit),
            var present = V8Positions.position(in: table, at: offset, hasFlags: layout.positionsHaveFlags)
        else { return [Activation(function: outer, position: nil)] }
        var found: [Activation] = []
        while let inlining = present.inlining, found.count < Self.inliningLimit {
            guard let positions = element(layout.deoptimizationInlining, ofArray: data),
                let length = arrayLength(positions, limit: Self.tableLimit), inlining >= 0,
                (inlining + 1) * Self.inliningBytes <= length,
                let raw = word(positions, 16 + inlining * Self.inliningBytes),
                let number = half(positions, 24 + inlining * Self.inliningBytes)
            else { break }
            let caller = V8Positions.Position(raw)
            // Each is inlined into an earlier one.
            if let next = caller.inlining, next >= inlining { break }
            let function = inlinedFunction(Int(Int32(bitPattern: number)), data) ?? outer
            found.append(Activation(function: function, position: present.offset))
            present = caller
        }
        return found + [Activation(function: outer, position: present.offset)]
    }

    /// InliningPosition: where the call is, and which function is called there.
    private static var inliningBytes: Int { 16 }

    private func inlinedFunction(_ number: Int, _ data: UInt64) -> UInt64? {
        guard number >= 0, let countWord = element(layout.deoptimizationInlinedCount, ofArray: data),
            let count = Self.smallInteger(countWord), number < Int(count),
            let literals = element(layout.deoptimizationLiterals, ofArray: data),
            let entry = element(number, ofArray: literals)
        else { return nil }
        // Weak references have both of the lowest bits set.
        let function = entry & ~2
        return has(function, type: layout.types.shared) ? function : nil
    }
}
