import ObjectFiles

/// Functions that Go's compiler inlined, by the trees of calls that it leaves for stack traces. Source: Go's
/// `runtime/symtab.go`, `symtabinl.go` and `funcdata.h`; since Go 1.13, whose programs tell by a section of their own
/// that they are not older.
extension GoFunctionTable {
    struct InlinedCall {
        var name: String
        var startLine: UInt32
        /// Distance from the function's start of an instruction whose place in the source is that of the call.
        var parent: UInt64
    }

    /// PCDATA_InlTreeIndex.
    private static let indexList: UInt32 = 2
    /// Functions that are looked at to find out what their data is relative to.
    private static let sampleCount = 24

    /// FUNCDATA_InlTree.
    private var treeNumber: UInt32 { header.layout == .go1_2 ? 4 : 3 }

    /// The innermost call that was inlined at the byte `distance` bytes from the function's start.
    func inlinedCall(in function: Function, _ distance: UInt64) -> InlinedCall? {
        guard function.valueListCount > Self.indexList,
            let list = read(function.record &+ header.recordBytes &+ 4 * UInt64(Self.indexList), count: 4)
        else { return nil }
        let offset = UInt32(truncatingIfNeeded: number(list, 0, bytes: 4))
        guard let index = value(at: offset, distance), index >= 0, let tree = tree(of: function, functionData) else {
            return nil
        }
        return call(UInt64(index), in: tree)
    }

    /// The address of the function's tree.
    private func tree(of function: Function, _ base: UInt64?) -> UInt64? {
        guard function.dataCount > treeNumber else { return nil }
        var place = function.record &+ header.recordBytes &+ 4 * UInt64(function.valueListCount)
        switch header.layout {
        case .go1_2, .go1_16:
            guard header.layout != .go1_2 || file.section(".go.buildinfo") != nil else { return nil }
            // Addresses, aligned: so is the table itself.
            place = (place &+ 7) & ~7
            guard let bytes = read(place &+ 8 * UInt64(treeNumber), count: 8) else { return nil }
            let address = number(bytes, 0, bytes: 8)
            return address == 0 ? nil : address
        case .go1_18, .go1_20:
            guard let base, let bytes = read(place &+ 4 * UInt64(treeNumber), count: 4) else { return nil }
            let distance = number(bytes, 0, bytes: 4)
            return distance == UInt64(UInt32.max) ? nil : base &+ distance
        }
    }

    /// Nil when this is no call.
    private func call(_ index: UInt64, in tree: UInt64) -> InlinedCall? {
        let isNew = header.layout == .go1_20
        let size: UInt64 = isNew ? 16 : 20
        guard let bytes = try? file.read(atAddress: tree &+ index &* size, count: Int(size)) else { return nil }
        let nameOffset = UInt32(truncatingIfNeeded: number(bytes, isNew ? 4 : 12, bytes: 4))
        let parent = number(bytes, isNew ? 8 : 16, bytes: 4)
        let startLine = isNew ? Int32(truncatingIfNeeded: number(bytes, 12, bytes: 4)) : 0
        let padding = isNew ? number(bytes, 1, bytes: 3) : number(bytes, 3, bytes: 1)
        let name = names.name(at: nameOffset)
        guard padding == 0, !name.isEmpty, parent <= UInt64(Int32.max), startLine >= 0 else { return nil }
        return InlinedCall(name: name, startLine: UInt32(startLine), parent: parent)
    }

    /// The first of the candidates with which the trees of several functions make sense.
    func findFunctionData() -> UInt64? {
        guard header.layout == .go1_18 || header.layout == .go1_20 else { return nil }
        var functions: [Function] = []
        let step = max(1, header.functionCount / 2048)
        for index in stride(from: 0, to: header.functionCount, by: Int(step)) {
            guard functions.count < Self.sampleCount, let entry = entry(index),
                let function = function(entry.offset, start: entry.start)
            else { break }
            if tree(of: function, 0) != nil { functions.append(function) }
        }
        if functions.isEmpty { return nil }
        for candidate in header.functionDataCandidates where candidate != 0 {
            let isRight = functions.allSatisfy { function in
                tree(of: function, candidate).flatMap { call(0, in: $0) } != nil
            }
            if isRight { return candidate }
        }
        return nil
    }
}
