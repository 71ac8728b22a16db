import CBPFInterface
import ObjectFiles
import Symbolization
import Unwinding

/// Why a stack could not be made a case.
public struct CaseBuildingError: Error, Sendable, CustomStringConvertible {
    public var description: String
}

/// Makes cases of a process's stacks: unwinds them by the whole tables of its executables, then keeps of tables, stack
/// and mappings what unwinding looked at.
public final class CaseBuilder {
    /// An executable mapping of the process.
    public struct Source {
        public var start: UInt64
        public var end: UInt64
        public var fileOffset: UInt64
        /// `enum mapping_kind`.
        public var kind: UInt8
        public var name: String
        /// Nil where there is no ELF file: frame pointers only.
        public var file: ELFFile?

        public init(start: UInt64, end: UInt64, fileOffset: UInt64, kind: UInt8, name: String, file: ELFFile?) {
            self.start = start
            self.end = end
            self.fileOffset = fileOffset
            self.kind = kind
            self.name = name
            self.file = file
        }
    }

    private struct Known {
        var name: String
        var file: ELFFile?
        var table: UnwindTable?
        var fileID: FileID?
    }

    /// Rows kept before and behind the one that was used, so that a replay has to search.
    private static let neighbours = 2

    private let architecture: UnwindCase.Architecture
    private let pointerMask: UInt64
    private let rules = RuleSet()
    private let symbolizer = Symbolizer(capacityBytes: 256 << 20)
    /// By number; 0 is none.
    private var known = [Known(name: "", file: nil)]
    private var mappings: [UnwindCase.Mapping] = []
    private let maps = UnwindMaps()

    /// - Parameter sources: sorted by start. Two mappings of one name are taken for the same file.
    public init(architecture: UnwindCase.Architecture, pointerMask: UInt64, sources: [Source]) {
        self.architecture = architecture
        self.pointerMask = pointerMask
        for source in sources {
            var number = 0
            if UInt32(source.kind) != MAPPING_ANONYMOUS.rawValue {
                number = known.firstIndex { $0.name == source.name } ?? 0
                if number == 0 {
                    let state = source.file == nil ? EXECUTABLE_WITHOUT_TABLE : EXECUTABLE_TABLE_PENDING
                    number = maps.add(state: UInt8(state.rawValue))
                    known.append(Known(name: source.name, file: source.file))
                }
            }
            let fileBias = source.file?.loadBias(mappingStart: source.start, fileOffset: source.fileOffset)
            mappings.append(
                .init(
                    start: source.start, end: source.end,
                    bias: number == 0 ? 0 : fileBias ?? source.start &- source.fileOffset, executable: number,
                    kind: source.kind))
        }
    }

    /// Makes a case of one stack, whose bytes begin at the address `stackStart`.
    public func build(
        registers: [UInt64], stackStart: UInt64, stack: [UInt8], traceFlags: UInt32, comment: String = ""
    ) throws -> UnwindCase {
        var whole = UnwindCase(
            comment: comment, architecture: architecture, traceFlags: traceFlags, pointerMask: pointerMask,
            registers: registers, stackStart: stackStart, stack: stack, mappings: mappings)
        let outcome = try unwind(whole)
        guard !outcome.frames.isEmpty else { throw CaseBuildingError(description: "the stack has no frame") }
        whole.frames = outcome.frames
        whole.stopReason = outcome.stopReason
        var small = reduced(whole)
        shortenStack(&small, try small.maps())
        let replayed = try small.replay()
        guard replayed.stopReason == small.stopReason, replayed.frames == small.frames else {
            throw CaseBuildingError(description: "the reduced case unwinds otherwise than the whole stack")
        }
        for index in small.frames.indices {
            small.frames[index].function = function(outcome.frames[index])
        }
        return small
    }

    /// Unwinds; tables are loaded as they are met.
    private func unwind(_ whole: UnwindCase) throws -> UnwindOutcome {
        while true {
            maps.rules = rules.rules()
            let outcome = whole.replay(in: maps)
            guard outcome.stopReason == STOP_TABLE_PENDING.rawValue, let number = outcome.frames.last?.executable,
                number > 0, known[number].table == nil, let file = known[number].file
            else { return outcome }
            let table = try UnwindTable.load(from: file, into: rules)
            known[number].table = table
            known[number].fileID = try FileID(contentsOf: file.source)
            // All numbers were given out before: the record moves to the one that the mappings name.
            let added = try maps.add(table)
            let record = maps.executables[added]
            maps.update(number) { $0 = record }
        }
    }

    /// Without the mappings, executables and pages that no frame lies in.
    private func reduced(_ whole: UnwindCase) -> UnwindCase {
        var small = whole
        small.executables = []
        small.mappings = []
        var numbers: [Int: Int] = [0: 0]
        var lookups: [Int: Set<UInt64>] = [:]
        var order: [Int] = []
        var usedMappings: Set<Int> = []
        for frame in whole.frames {
            let address = frame.address &- (frame.isReturnAddress ? 1 : 0)
            if let mapping = whole.mappings.firstIndex(where: { mapping in
                mapping.executable == frame.executable && mapping.start <= address &+ mapping.bias
                    && address &+ mapping.bias < mapping.end
            }) {
                usedMappings.insert(mapping)
            }
            guard frame.executable > 0 else { continue }
            if numbers[frame.executable] == nil {
                order.append(frame.executable)
                numbers[frame.executable] = order.count
            }
            lookups[frame.executable, default: []].insert(address)
        }
        for number in order {
            small.executables.append(executable(known[number], lookups[number] ?? []))
        }
        for index in usedMappings.sorted() {
            var mapping = whole.mappings[index]
            mapping.executable = numbers[mapping.executable] ?? 0
            small.mappings.append(mapping)
        }
        small.frames = whole.frames.map { frame in
            var frame = frame
            frame.executable = numbers[frame.executable] ?? 0
            return frame
        }
        return small
    }

    private func executable(_ known: Known, _ addresses: Set<UInt64>) -> UnwindCase.Executable {
        let buildID = known.file?.gnuBuildID()?.hex ?? ""
        guard let table = known.table else {
            return .init(name: known.name, buildID: buildID, state: UInt8(EXECUTABLE_WITHOUT_TABLE.rawValue))
        }
        var pages: [Int: Set<Int>] = [:]
        for address in addresses where address >= table.firstPageAddress {
            let distance = address - table.firstPageAddress
            let number = Int(distance >> table.pageShift)
            guard number < table.pages.count else { continue }
            let page = table.pages[number]
            var wanted = pages[number] ?? []
            if page.rowCount > 0 {
                let rows = table.rows[Int(page.firstRow)..<Int(page.firstRow) + page.rowCount]
                let offset = UInt32(truncatingIfNeeded: distance & (1 << table.pageShift - 1))
                let hit = (rows.lastIndex { $0 & 0xffff <= offset } ?? rows.startIndex) - rows.startIndex
                let near = max(0, hit - Self.neighbours)...min(page.rowCount - 1, hit + Self.neighbours)
                wanted.formUnion(near)
            }
            pages[number] = wanted
        }
        return .init(
            name: known.name, buildID: buildID, firstPageAddress: table.firstPageAddress, pageShift: table.pageShift,
            pages: pages.keys.sorted().map { page(table, $0, pages[$0] ?? []) })
    }

    /// A page with the wanted rows; the gaps between them have no rule.
    private func page(_ table: UnwindTable, _ number: Int, _ wanted: Set<Int>) -> UnwindCase.Page {
        let page = table.pages[number]
        if page.rowCount == 0 { return .init(number: number, rule: rule(page.rule)) }
        var rows: [UnwindCase.Row] = []
        var isGap = false
        for index in 0..<page.rowCount {
            let row = table.rows[Int(page.firstRow) + index]
            let offset = UInt16(truncatingIfNeeded: row)
            if wanted.contains(index) {
                rows.append(.init(offset: offset, rule: rule(UInt16(truncatingIfNeeded: row >> 16))))
                isGap = false
            } else if !isGap {
                rows.append(.init(offset: offset, rule: .invalid))
                isGap = true
            }
        }
        return .init(number: number, rows: rows)
    }

    private func rule(_ number: UInt16) -> UnwindCaseRule { rules.rule(number).map(UnwindCaseRule.init) ?? .invalid }

    /// Cuts the stack behind what is needed for the same outcome, and clears the words that are not.
    private func shortenStack(_ small: inout UnwindCase, _ maps: UnwindMaps) {
        let wanted = UnwindOutcome(frames: small.frames, stopReason: small.stopReason)
        small.stack.removeLast(small.stack.count % 8)
        if small.stopReason != STOP_TRUNCATED_SNAPSHOT.rawValue {
            var low = 0, high = small.stack.count / 8
            let stack = small.stack
            while low < high {
                let middle = (low + high) / 2
                small.stack = Array(stack.prefix(middle * 8))
                if small.replay(in: maps) == wanted { high = middle } else { low = middle + 1 }
            }
            small.stack = Array(stack.prefix(high * 8))
        }
        for offset in stride(from: 0, to: small.stack.count, by: 8) {
            let kept = Array(small.stack[offset..<offset + 8])
            if kept.allSatisfy({ $0 == 0 }) { continue }
            for byte in offset..<offset + 8 { small.stack[byte] = 0 }
            if small.replay(in: maps) != wanted { small.stack.replaceSubrange(offset..<offset + 8, with: kept) }
        }
        // The front, where nothing was read.
        var shorter = small
        let zeros = small.stack.prefix { $0 == 0 }.count & ~7
        shorter.stack.removeFirst(zeros)
        shorter.stackStart &+= UInt64(zeros)
        if shorter.replay(in: maps) == wanted { small = shorter }
    }

    private func function(_ frame: UnwindCase.Frame) -> String? {
        let executable = known[frame.executable]
        guard let file = executable.file, let fileID = executable.fileID else { return nil }
        let address: FrameAddress = frame.isReturnAddress ? .returnAddress(frame.address) : .instruction(frame.address)
        return symbolizer.symbolize(fileID, at: address, open: { file.source })?.frames.first?.functionName
    }
}
