import ObjectFiles
import Processes
import RuntimeSupport

/// V8 13's middle compiler (Maglev) makes no table of source positions unless somebody asks for one. What was at work at a
/// place in its code is told by the ways back to bytecode: one for each call, by what it returns to, and one for each check,
/// which is a conditional jump to the code that goes back.
extension V8Heap {
    /// A function and the instruction of its bytecode that was at work.
    struct BytecodeActivation: Hashable {
        var function: UInt64
        var bytecode: UInt64
        /// -1: it is being entered.
        var offset: Int
    }

    private static var metadataLimit: Int { 1 << 20 }
    private static var codeLimit: Int { 4 << 20 }
    private static var arrayLimit: Int { 1 << 20 }
    /// Entries of the data for deoptimization behind the inlining positions: where the code to go back begins, and how many
    /// ways there are of either kind; then three words for each.
    private static var firstWayBehindInlining: Int { 4 }
    private static var wayWords: Int { 3 }

    /// The functions at a place in code that has no source positions, the innermost first; nil when they are not known.
    ///
    /// - Parameters:
    ///   - offset: of the instruction, or of what a call returns to.
    func bytecodeActivations(
        in code: V8Code, at offset: Int, isReturnAddress: Bool, machine: ELFMachine
    ) -> [BytecodeActivation]? {
        let data = code.deoptimization
        guard let ways = waysBack(data), !ways.isEmpty, let metadataBytes = half(code.object, layout.codeSize + 4),
            metadataBytes > 0, Int(metadataBytes) <= Self.metadataLimit,
            let metadata = try? memory.readBytes(at: code.start &+ UInt64(code.sizeBytes), count: Int(metadataBytes)),
            let table = V8SafepointTable(metadata, codeBytes: Int(code.sizeBytes))
        else { return nil }
        let way: Int?
        if isReturnAddress {
            way = table.returns.first { $0.offset == offset }?.number
        } else {
            way = nextWay(from: offset, in: code, ways, table, machine)
        }
        guard let way, let chosen = ways[safe: way], let translation = element(0, ofArray: data),
            let bytes = bytes(ofArray: translation, limit: Self.arrayLimit),
            let frames = V8FrameTranslation.frames(in: bytes, at: chosen.translation),
            let literals = element(layout.deoptimizationLiterals, ofArray: data),
            let protected = element(layout.deoptimizationLiterals - 1, ofArray: data)
        else { return nil }
        var found: [BytecodeActivation] = []
        for frame in frames {
            guard let function = element(frame.function, ofArray: literals).map({ $0 & ~2 }),
                has(function, type: layout.types.shared),
                let bytecode = element(frame.bytecode, ofArray: protected),
                has(bytecode, type: layout.types.bytecodeArray)
            else { return nil }
            found.append(BytecodeActivation(function: function, bytecode: bytecode, offset: frame.bytecodeOffset))
        }
        return found
    }

    private struct WayBack {
        /// Where its description begins.
        var translation: Int
        /// Offset of the code that goes it.
        var exit: Int
    }

    private func waysBack(_ data: UInt64) -> [WayBack]? {
        let first = layout.deoptimizationInlining + Self.firstWayBehindInlining
        guard let length = arrayLength(data, limit: Self.arrayLimit), length >= first,
            let words = try? memory.readBytes(at: Self.start(data) &+ 16, count: length * 8)
        else { return nil }
        func integer(_ index: Int) -> Int? {
            guard CodeBytes.word(words, at: index * 8) == 0 else { return nil }
            return Int(CodeBytes.signed32(words, at: index * 8 + 4))
        }
        guard let checks = integer(first - 2), let calls = integer(first - 1), checks >= 0, calls >= 0,
            length - first == (checks + calls) * Self.wayWords
        else { return nil }
        var ways: [WayBack] = []
        for way in 0..<(checks + calls) {
            let at = first + way * Self.wayWords
            guard let translation = integer(at + 1), let exit = integer(at + 2), translation >= 0 else { return nil }
            ways.append(WayBack(translation: translation, exit: exit))
        }
        return ways
    }

    /// The way back that the code comes to next: by a check, or by a call, which may lie in code apart that a conditional
    /// jump leads to, as at a loop's end.
    private func nextWay(
        from offset: Int, in code: V8Code, _ ways: [WayBack], _ table: V8SafepointTable, _ machine: ELFMachine
    ) -> Int? {
        var places: [Int: Int] = [:]
        for call in table.returns { places[call.offset] = call.number }
        guard offset >= 0, Int(code.sizeBytes) <= Self.codeLimit, offset < Int(code.sizeBytes),
            let bytes = try? memory.readBytes(at: code.start, count: Int(code.sizeBytes))
        else { return nil }
        var exits: [Int: Int] = [:]
        for (number, way) in ways.enumerated() { exits[way.exit] = number }
        for check in V8Checks.all(in: bytes, machine) {
            if let number = exits[check.target] {
                places[check.offset] = number
            } else if check.target > check.offset, let apart = table.firstReturn(after: check.target),
                apart.offset - check.target <= Self.apartBytes
            {
                places[check.offset] = apart.number
            }
        }
        let flow = CodeFlow(code: bytes, machine: machine)
        if case .place(let place) = flow.next(from: offset, where: { places[$0] != nil }) { return places[place] }
        // Behind jumps that cannot be followed it is what comes next in memory.
        guard let place = places.keys.filter({ $0 >= offset }).min() ?? places.keys.max() else { return nil }
        return places[place]
    }

    /// Of code apart up to what its call returns to.
    private static var apartBytes: Int { 128 }
}

/// Conditional jumps in code.
enum V8Checks {
    /// Where each lies, and where it leads.
    static func all(in bytes: [UInt8], _ machine: ELFMachine) -> [(offset: Int, target: Int)] {
        var found: [(offset: Int, target: Int)] = []
        switch machine {
        case .x86_64:
            // 0f 8x and a distance, wherever instructions begin: what else looks so leads to no way back.
            for index in bytes.indices.dropLast(5) where bytes[index] == 0x0f && bytes[index + 1] & 0xf0 == 0x80 {
                found.append((index, index + 6 + Int(CodeBytes.signed32(bytes, at: index + 2))))
            }
        case .aarch64:
            // b.cond: bits 5 to 23 are the distance in instructions.
            for index in stride(from: 0, to: bytes.count - 3, by: 4) {
                let word = CodeBytes.word(bytes, at: index)
                guard word & 0xff00_0010 == 0x5400_0000 else { continue }
                found.append((index, index + Int(Int32(bitPattern: word << 8) >> 13) * 4))
            }
        }
        return found
    }
}
