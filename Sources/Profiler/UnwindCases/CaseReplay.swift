import CBPFInterface
import CSnapshotUnwinding
import Unwinding

/// What unwinding gave.
public struct UnwindOutcome: Sendable, Equatable {
    /// Without functions' names.
    public var frames: [UnwindCase.Frame]
    /// `enum stop_reason`.
    public var stopReason: UInt32

    public init(frames: [UnwindCase.Frame], stopReason: UInt32) {
        self.frames = frames
        self.stopReason = stopReason
    }
}

/// What the kernel's maps hold, in memory: executables, rules, and the arena with their tables.
public final class UnwindMaps {
    public private(set) var executables = [executable()]
    public var rules: [unwind_rule] = []
    /// The arena's blocks by number; to be damaged by tests as they like.
    public var blocks: [table_block] = []
    /// Rules that were looked up, as a CPU of the kernel side remembers them from one stack to the next; nil: none.
    public var cache: [cached_rule]?
    private var arena = TableArena(capacityBytes: 512 << 20)

    public init() {}

    /// Adds an executable without a table and returns its number.
    @discardableResult
    public func add(state: UInt8) -> Int {
        var record = executable()
        record.state = state
        executables.append(record)
        return executables.count - 1
    }

    /// Has `replay` remember rules from now on.
    public func useCache() { cache = .init(repeating: cached_rule(), count: Int(ABI_CACHED_RULES)) }

    /// Adds an executable with its table, whose rules are numbered as in `rules`, and returns its number.
    @discardableResult
    public func add(_ table: UnwindTable) throws(TableArena.Full) -> Int {
        executables.append(try place(table))
        return executables.count - 1
    }

    /// Puts a table into the place of another one, or of none.
    public func replace(_ number: Int, with table: UnwindTable) throws(TableArena.Full) {
        executables[number] = try place(table)
    }

    private func place(_ table: UnwindTable) throws(TableArena.Full) -> executable {
        let placement = try arena.insert(table)
        while blocks.count < arena.blockCount { blocks.append(table_block()) }
        arena.write(
            table, at: placement,
            readBlock: { withUnsafeBytes(of: blocks[$0].words) { Array($0.bindMemory(to: UInt32.self)) } },
            writeBlock: { (block, words) in
                words.withUnsafeBytes { source in
                    withUnsafeMutableBytes(of: &blocks[block].words) { $0.copyMemory(from: source) }
                }
            })
        return table.executableRecord(at: placement)
    }

    fileprivate func withCache(_ body: (UnsafeMutablePointer<cached_rule>?) -> Void) {
        guard cache != nil else { return body(nil) }
        cache?.withUnsafeMutableBufferPointer { body($0.baseAddress) }
    }

    /// Changes the record of an executable.
    public func update(_ number: Int, _ change: (inout executable) -> Void) { change(&executables[number]) }
}

extension UnwindCase {
    /// The maps that hold this case's executables.
    public func maps() throws(TableArena.Full) -> UnwindMaps {
        let maps = UnwindMaps()
        let rules = RuleSet()
        for executable in executables {
            if executable.state == UInt8(EXECUTABLE_HAS_TABLE.rawValue) {
                try maps.add(executable.table(rules))
            } else {
                maps.add(state: executable.state)
            }
        }
        maps.rules = rules.rules()
        return maps
    }

    /// Unwinds the case's stack.
    public func replay() throws(TableArena.Full) -> UnwindOutcome { replay(in: try maps()) }

    /// Unwinds the case's stack by the given maps.
    public func replay(in maps: UnwindMaps) -> UnwindOutcome {
        var result = unwinding_result()
        let mappings = kernelMappings
        registers.withUnsafeBufferPointer { registers in
            stack.withUnsafeBufferPointer { stack in
                mappings.withUnsafeBufferPointer { mappings in
                    maps.executables.withUnsafeBufferPointer { executables in
                        maps.rules.withUnsafeBufferPointer { rules in
                            maps.blocks.withUnsafeBufferPointer { blocks in
                                withUnsafePointer(to: blocks) { blocks in
                                    var view = unwinding_view()
                                    view.registers = registers.baseAddress
                                    view.stack_start = stackStart
                                    view.stack = stack.baseAddress
                                    view.stack_bytes = UInt64(stack.count)
                                    view.trace_flags = traceFlags
                                    view.pointer_mask = pointerMask
                                    view.mappings = mappings.baseAddress
                                    view.mapping_count = UInt32(mappings.count)
                                    view.executables = executables.baseAddress
                                    view.executable_count = UInt32(executables.count)
                                    view.rules = rules.baseAddress
                                    view.rule_count = UInt32(rules.count)
                                    view.block = UnwindCase.block
                                    view.context = UnsafeMutableRawPointer(mutating: blocks)
                                    maps.withCache { cache in
                                        view.cache = cache
                                        switch architecture {
                                        case .x86_64: unwind_snapshot_x86_64(&view, &result)
                                        case .arm64: unwind_snapshot_arm64(&view, &result)
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        return UnwindCase.outcome(&result)
    }

    /// `struct mapping` for each of the case's.
    var kernelMappings: [mapping] {
        mappings.map { source in
            var result = mapping()
            result.start = source.start
            result.end = source.end
            result.bias = source.bias
            result.executable = UInt32(source.executable)
            result.kind = source.kind
            result.unwinder = UInt8(UNWINDER_NATIVE.rawValue)
            return result
        }
    }

    private static let block: @convention(c) (UnsafeMutableRawPointer?, UInt32) -> UnsafePointer<table_block>? = {
        context, number in
        guard let blocks = context?.assumingMemoryBound(to: UnsafeBufferPointer<table_block>.self).pointee,
            Int(number) < blocks.count, let base = blocks.baseAddress
        else { return nil }
        return base + Int(number)
    }

    private static func outcome(_ result: inout unwinding_result) -> UnwindOutcome {
        var frames: [Frame] = []
        withUnsafeBytes(of: &result.words) { bytes in
            let words = bytes.bindMemory(to: UInt64.self)
            var position = 0
            // Native frames only: a header and an address; see "A user frame" in abi.h.
            while position + 1 < Int(result.word_count) {
                let header = words[position]
                frames.append(
                    Frame(
                        executable: Int(header & 0xff_ffff_ffff), address: words[position + 1],
                        isReturnAddress: (header >> 48) & UInt64(FRAME_RETURN_ADDRESS.rawValue) != 0))
                position += max(1, Int((header >> 40) & 0xff))
            }
        }
        return UnwindOutcome(frames: frames, stopReason: result.stop_reason)
    }
}

extension UnwindCase.Executable {
    /// The table that the pages make, with rules numbered by `rules`.
    func table(_ rules: RuleSet) -> UnwindTable {
        var table = UnwindTable(
            firstPageAddress: firstPageAddress, pageShift: pageShift, pages: [], rows: [], statistics: .init())
        for page in pages {
            while table.pages.count < page.number {
                table.pages.append(.init(firstRow: 0, ruleAndRowCount: UInt32(UNWIND_RULE_INVALID) << 16))
            }
            let firstRow = UInt32(table.rows.count)
            if page.rows.isEmpty {
                let number = rules.numbers(for: [page.rule.abi])[0]
                table.pages.append(.init(firstRow: 0, ruleAndRowCount: UInt32(number) << 16))
            } else {
                let numbers = rules.numbers(for: page.rows.map(\.rule.abi))
                table.rows += zip(numbers, page.rows).map { UInt32($0) << 16 | UInt32($1.offset) }
                table.pages.append(.init(firstRow: firstRow, ruleAndRowCount: UInt32(page.rows.count)))
            }
        }
        return table
    }
}
