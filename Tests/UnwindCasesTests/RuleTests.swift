import CBPFInterface
import Testing

@testable import UnwindCases

/// Each rule kind and each stop reason, on made-up memory, for both architectures.
struct RuleTests {
    typealias Architecture = UnwindCase.Architecture

    static let stackStart: UInt64 = 0x7ff0_0000_0000
    static let code: UInt64 = 0x40_0000
    static let frameLimit = Int(ABI_MAX_USER_FRAMES)

    /// A program whose code at 0x400000 follows `leaf` and from 0x400100 on is the stack's root.
    private func process(_ architecture: Architecture, _ leaf: unwind_rule, stackWords: [UInt64]) -> UnwindCase {
        var result = UnwindCase(architecture: architecture, stackStart: Self.stackStart)
        result.registers[architecture.programCounter] = Self.code + 0x10
        result.registers[architecture.stackPointer] = Self.stackStart
        result.stack = stackWords.flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } }
        var end = unwind_rule()
        end.kind = UInt8(UNWIND_END_OF_STACK.rawValue)
        result.executables = [
            .init(
                name: "made-up",
                pages: [
                    .init(
                        number: 0,
                        rows: [
                            .init(offset: 0, rule: UnwindCaseRule(leaf)),
                            .init(offset: 0x100, rule: UnwindCaseRule(end)),
                        ])
                ])
        ]
        result.mappings = [.init(start: Self.code, end: Self.code + 0x1000, bias: Self.code, executable: 1)]
        return result
    }

    private func rule(_ kind: unwind_kind, _ change: (inout unwind_rule) -> Void = { _ in }) -> unwind_rule {
        var rule = unwind_rule()
        rule.kind = UInt8(kind.rawValue)
        change(&rule)
        return rule
    }

    private func framePointer(_ architecture: Architecture) -> Int { architecture == .arm64 ? 29 : 6 }

    private func expect(
        _ subject: UnwindCase, _ addresses: [UInt64], _ stop: stop_reason,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let outcome = try subject.replay()
        #expect(outcome.frames.map(\.address) == addresses, sourceLocation: sourceLocation)
        #expect(
            outcome.stopReason == stop.rawValue, "\(String(cString: stop_reason_name(outcome.stopReason)))",
            sourceLocation: sourceLocation)
    }

    static let both = Architecture.allCases

    // MARK: Rules

    @Test(arguments: both) func canonicalFrameAddress(_ architecture: Architecture) throws {
        let leaf = rule(UNWIND_CFA) {
            $0.cfa_register = UInt8(architecture.stackPointer)
            $0.cfa_offset = 32
            $0.return_address_offset = -8
        }
        try expect(process(architecture, leaf, stackWords: [1, 2, 3, Self.code + 0x150]), [0x10, 0x150], STOP_ROOT)
    }

    /// A return address is looked up one byte before: the call is the last instruction before the root's rows.
    @Test(arguments: both) func returnAddressesBelongToTheCall(_ architecture: Architecture) throws {
        let leaf = rule(UNWIND_CFA) {
            $0.cfa_register = UInt8(architecture.stackPointer)
            $0.cfa_offset = 16
            $0.return_address_offset = -8
        }
        let subject = process(architecture, leaf, stackWords: [0, Self.code + 0x100, 0, Self.code + 0x101])
        try expect(subject, [0x10, 0x100, 0x101], STOP_ROOT)
        // In a system call the first address is one, too.
        var inCall = process(architecture, leaf, stackWords: [0, Self.code + 0x101])
        inCall.registers[architecture.programCounter] = Self.code + 0x100
        try expect(inCall, [0x100], STOP_ROOT)
        inCall.traceFlags = UInt32(TRACE_IN_SYSTEM_CALL.rawValue)
        try expect(inCall, [0x100, 0x101], STOP_ROOT)
        #expect(try inCall.replay().frames[0].isReturnAddress)
    }

    @Test(arguments: both) func canonicalFrameAddressByFramePointer(_ architecture: Architecture) throws {
        let leaf = rule(UNWIND_CFA) {
            $0.cfa_register = UInt8(framePointer(architecture))
            $0.cfa_offset = 16
            $0.return_address_offset = -8
            $0.frame_pointer = UInt8(UNWIND_FP_ON_STACK.rawValue)
            $0.frame_pointer_offset = -16
        }
        // Two frames: the second's frame pointer comes from the stack.
        var subject = process(
            architecture, leaf,
            stackWords: [0, 0, Self.stackStart + 40, Self.code + 0x20, 0, 7, Self.code + 0x150])
        subject.registers[framePointer(architecture)] = Self.stackStart + 16
        try expect(subject, [0x10, 0x20, 0x150], STOP_ROOT)
    }

    @Test(arguments: both) func framePointerApartFromReturnAddress(_ architecture: Architecture) throws {
        let leaf = rule(UNWIND_CFA) {
            $0.cfa_register = UInt8(framePointer(architecture))
            $0.cfa_offset = 24
            $0.return_address_offset = -8
            $0.frame_pointer = UInt8(UNWIND_FP_ON_STACK.rawValue)
            $0.frame_pointer_offset = -24
        }
        var subject = process(
            architecture, leaf,
            stackWords: [Self.stackStart + 32, 0, Self.code + 0x20, 0, 0, 0, Self.code + 0x150])
        subject.registers[framePointer(architecture)] = Self.stackStart
        try expect(subject, [0x10, 0x20, 0x150], STOP_ROOT)
        var undefined = leaf
        undefined.frame_pointer = UInt8(UNWIND_FP_UNDEFINED.rawValue)
        subject.executables[0].pages[0].rows[0].rule = UnwindCaseRule(undefined)
        try expect(subject, [0x10, 0x20], STOP_NO_PROGRESS)
        var fromPointer = leaf
        fromPointer.frame_pointer = UInt8(UNWIND_FP_FROM_FP.rawValue)
        fromPointer.frame_pointer_offset = 0
        subject.executables[0].pages[0].rows[0].rule = UnwindCaseRule(fromPointer)
        try expect(subject, [0x10, 0x20, 0x150], STOP_ROOT)
    }

    @Test(arguments: both) func dereferencedFrameAddress(_ architecture: Architecture) throws {
        let leaf = rule(UNWIND_CFA_DEREFERENCED) {
            $0.cfa_register = UInt8(architecture.stackPointer)
            $0.cfa_offset = 8
            $0.cfa_added = 16
            $0.return_address_offset = -8
        }
        let words: [UInt64] = [0, Self.stackStart + 16, 0, Self.code + 0x150]
        try expect(process(architecture, leaf, stackWords: words), [0x10, 0x150], STOP_ROOT)
    }

    @Test(arguments: both) func framePointerRule(_ architecture: Architecture) throws {
        var subject = process(
            architecture, rule(UNWIND_FRAME_POINTER), stackWords: [0, Self.stackStart + 24, Self.code + 0x20, 0, Self.code + 0x150])
        subject.registers[framePointer(architecture)] = Self.stackStart + 8
        try expect(subject, [0x10, 0x20, 0x150], STOP_ROOT)
        subject.registers[framePointer(architecture)] = 0
        try expect(subject, [0x10], STOP_FRAME_POINTER_CHAIN_END)
        subject.registers[framePointer(architecture)] = Self.stackStart - 8
        try expect(subject, [0x10], STOP_NO_PROGRESS)
    }

    @Test func linkRegister() throws {
        let leaf = rule(UNWIND_CFA) {
            $0.cfa_register = UInt8(ARM64_SP)
            $0.return_address = UInt8(UNWIND_RA_IN_REGISTER.rawValue)
            $0.return_address_register = UInt8(ARM64_LR)
        }
        var subject = process(.arm64, leaf, stackWords: [0])
        subject.registers[Int(ARM64_LR)] = Self.code + 0x150 | 0xab << 56
        subject.pointerMask = 1 << 48 - 1
        try expect(subject, [0x10, 0x150], STOP_ROOT)
        // Only the interrupted function may still have it there.
        subject.registers[Int(ARM64_LR)] = Self.code + 0x20
        try expect(subject, [0x10, 0x20], STOP_NO_PROGRESS)
    }

    @Test func linkageTable() throws {
        var subject = process(
            .x86_64, rule(UNWIND_PLT) { $0.cfa_added = 11 }, stackWords: [Self.code + 0x150, Self.code + 0x160])
        subject.registers[Int(X86_RIP)] = Self.code + 0x1a
        try expect(subject, [0x1a, 0x150], STOP_ROOT)
        subject.registers[Int(X86_RIP)] = Self.code + 0x1b
        try expect(subject, [0x1b, 0x160], STOP_ROOT)
        try expect(process(.arm64, rule(UNWIND_PLT), stackWords: [1, 2, 3]), [0x10], STOP_NO_RULE)
    }

    /// Offsets by the kernel's headers: x86 `struct sigcontext` at 40 from the stack pointer with rsp and rip as words
    /// 15 and 16; arm64 `regs` at 128 + 176 + 8.
    @Test(arguments: both) func signalFrame(_ architecture: Architecture) throws {
        var words = [UInt64](repeating: 0, count: 100)
        let spWord = architecture == .arm64 ? (312 + 31 * 8) / 8 : (40 + 15 * 8) / 8
        words[spWord] = Self.stackStart + 0x300
        words[spWord + 1] = Self.code + 0x150
        try expect(process(architecture, rule(UNWIND_SIGNAL), stackWords: words), [0x10, 0x150], STOP_ROOT)
        // The interrupted instruction is no return address.
        let outcome = try process(architecture, rule(UNWIND_SIGNAL), stackWords: words).replay()
        #expect(outcome.frames.map(\.isReturnAddress) == [false, false])
        words.removeLast(words.count - spWord - 1)
        try expect(process(architecture, rule(UNWIND_SIGNAL), stackWords: words), [0x10], STOP_TRUNCATED_SNAPSHOT)
    }

    // MARK: Stop reasons

    /// Reads its return address from the stack pointer, and moves on by 8.
    private func popping(_ architecture: Architecture) -> unwind_rule {
        rule(UNWIND_CFA) {
            $0.cfa_register = UInt8(architecture.stackPointer)
            $0.cfa_offset = 8
            $0.return_address_offset = -8
        }
    }

    @Test(arguments: both) func badReturnAddresses(_ architecture: Architecture) throws {
        let leaf = popping(architecture)
        try expect(process(architecture, leaf, stackWords: [0]), [0x10], STOP_ZERO_PC)
        try expect(process(architecture, leaf, stackWords: [1]), [0x10], STOP_NO_MAPPING)
        try expect(process(architecture, leaf, stackWords: [0xffff_ffff_8100_0000]), [0x10], STOP_KERNEL_PC)
        try expect(process(architecture, leaf, stackWords: [Self.code + 0x1001]), [0x10], STOP_NO_MAPPING)
        try expect(process(architecture, leaf, stackWords: [Self.code]), [0x10], STOP_NO_MAPPING)
        try expect(process(architecture, leaf, stackWords: [Self.code + 0x1000]), [0x10, 0x1000], STOP_ROOT)
        var zero = process(architecture, leaf, stackWords: [])
        zero.registers[architecture.programCounter] = 0
        try expect(zero, [], STOP_ZERO_PC)
        zero.mappings = []
        zero.registers[architecture.programCounter] = 1
        try expect(zero, [], STOP_NO_MAPPING)
    }

    @Test(arguments: both) func endOfTheCopiedStack(_ architecture: Architecture) throws {
        let leaf = popping(architecture)
        try expect(process(architecture, leaf, stackWords: [Self.code + 2]), [0x10, 2], STOP_TRUNCATED_SNAPSHOT)
        let far = rule(UNWIND_CFA) {
            $0.cfa_register = UInt8(architecture.stackPointer)
            $0.cfa_offset = 16 << 20
            $0.return_address_offset = -8
        }
        try expect(process(architecture, far, stackWords: [0]), [0x10], STOP_STACK_UNREADABLE)
    }

    @Test(arguments: both) func noProgress(_ architecture: Architecture) throws {
        let back = rule(UNWIND_CFA) {
            $0.cfa_register = UInt8(architecture.stackPointer)
            $0.cfa_offset = -8
        }
        try expect(process(architecture, back, stackWords: [0, 0]), [0x10], STOP_NO_PROGRESS)
    }

    @Test(arguments: both) func lostRegister(_ architecture: Architecture) throws {
        let leaf = rule(UNWIND_CFA) {
            $0.cfa_register = 3
            $0.cfa_offset = 8
            $0.return_address_offset = -8
        }
        var subject = process(architecture, leaf, stackWords: [Self.code + 0x20, Self.code + 0x20])
        subject.registers[3] = Self.stackStart
        try expect(subject, [0x10, 0x20], STOP_SCRATCH_REGISTER)
    }

    @Test(arguments: both) func noRule(_ architecture: Architecture) throws {
        try expect(process(architecture, rule(UNWIND_INVALID), stackWords: [0]), [0x10], STOP_NO_RULE)
        var unknown = rule(UNWIND_INVALID)
        unknown.kind = 200
        try expect(process(architecture, unknown, stackWords: [0]), [0x10], STOP_NO_RULE)
        var outside = process(architecture, popping(architecture), stackWords: [0])
        outside.mappings[0].end += 0x10_0000
        outside.registers[architecture.programCounter] = Self.code + 0x1000
        try expect(outside, [0x1000], STOP_NO_RULE)
    }

    @Test(arguments: both) func executableStates(_ architecture: Architecture) throws {
        var subject = process(architecture, popping(architecture), stackWords: [0, 0, Self.code + 0x20])
        subject.registers[framePointer(architecture)] = Self.stackStart + 8
        subject.executables[0].state = UInt8(EXECUTABLE_TABLE_PENDING.rawValue)
        try expect(subject, [0x10], STOP_TABLE_PENDING)
        subject.executables[0].state = UInt8(EXECUTABLE_UNKNOWN.rawValue)
        try expect(subject, [0x10], STOP_TABLE_PENDING)
        subject.executables[0].state = UInt8(EXECUTABLE_WITHOUT_TABLE.rawValue)
        try expect(subject, [0x10, 0x20], STOP_FRAME_POINTER_CHAIN_END)
        // Code made at run time.
        subject.mappings[0].executable = 0
        subject.mappings[0].bias = 0
        try expect(subject, [Self.code + 0x10, Self.code + 0x20], STOP_FRAME_POINTER_CHAIN_END)
    }

    @Test(arguments: both) func corruptTables(_ architecture: Architecture) throws {
        let subject = process(architecture, popping(architecture), stackWords: [Self.code + 0x150])
        let stops: [(inout executable) -> Void] = [
            { $0.page_records_word = 5000 }, { $0.page_records_word = .max },
        ]
        for change in stops {
            let maps = try subject.maps()
            maps.update(1, change)
            let outcome = subject.replay(in: maps)
            #expect(outcome.stopReason == STOP_TABLE_CORRUPT.rawValue && outcome.frames.count == 1)
        }
        // A rule that is not there, a row outside the arena, a register that is none.
        var maps = try subject.maps()
        maps.rules.removeLast(maps.rules.count - 2)
        #expect(subject.replay(in: maps).stopReason == STOP_TABLE_CORRUPT.rawValue)
        maps = try subject.maps()
        let record = Int(maps.executables[1].page_records_word)
        withUnsafeMutableBytes(of: &maps.blocks[0].words) { $0.storeBytes(of: 1 << 30, toByteOffset: record * 4, as: UInt32.self) }
        #expect(subject.replay(in: maps).stopReason == STOP_TABLE_CORRUPT.rawValue)
        var wild = subject
        wild.executables[0].pages[0].rows[0].rule.cfaRegister = 34
        try expect(wild, [0x10], STOP_TABLE_CORRUPT)
        wild = subject
        wild.executables[0].pages[0].rows[0].rule.returnAddress = UInt8(UNWIND_RA_IN_REGISTER.rawValue)
        wild.executables[0].pages[0].rows[0].rule.returnAddressRegister = 255
        try expect(wild, [0x10], STOP_TABLE_CORRUPT)
        wild = subject
        wild.mappings[0].executable = 9
        #expect(try wild.replay().stopReason == STOP_TABLE_CORRUPT.rawValue)
    }

    @Test(arguments: both) func tooManyFrames(_ architecture: Architecture) throws {
        let words = [UInt64](repeating: Self.code + 0x20, count: 1100)
        let outcome = try process(architecture, popping(architecture), stackWords: words).replay()
        #expect(outcome.frames.count == Self.frameLimit)
        #expect(outcome.stopReason == STOP_TRUNCATED_FRAMES.rawValue)
        var deep = [UInt64](repeating: Self.code + 0x20, count: Self.frameLimit - 2) + [Self.code + 0x150]
        #expect(try process(architecture, popping(architecture), stackWords: deep).replay().stopReason == STOP_ROOT.rawValue)
        deep.insert(Self.code + 0x20, at: 0)
        #expect(
            try process(architecture, popping(architecture), stackWords: deep).replay().stopReason
                == STOP_TRUNCATED_FRAMES.rawValue)
    }

    // MARK: Pages

    @Test(arguments: both) func pageBoundaries(_ architecture: Architecture) throws {
        let pop = UnwindCaseRule(popping(architecture))
        let end = UnwindCaseRule(rule(UNWIND_END_OF_STACK))
        var subject = process(architecture, popping(architecture), stackWords: [])
        subject.mappings[0].end = Self.code + 0x4000
        let full = (0..<Int(TABLE_MAX_ROWS_PER_PAGE)).map { row in
            UnwindCase.Row(offset: UInt16(row * 4), rule: row == Int(TABLE_MAX_ROWS_PER_PAGE) - 1 ? end : .invalid)
        }
        // Rows to the last byte; a single rule; as many rows as a page can have.
        subject.executables[0].pages = [
            .init(number: 0, rows: [.init(offset: 0, rule: pop), .init(offset: 0xfff, rule: end)]),
            .init(number: 1, rule: end), .init(number: 3, rows: full),
        ]
        for (address, stop) in [
            // Nothing of the stack was there to be copied: it is not that the copy is too short.
            (0xffe, STOP_STACK_UNREADABLE), (0xfff, STOP_ROOT), (0x1000, STOP_ROOT), (0x1fff, STOP_ROOT),
            (0x2000, STOP_NO_RULE), (0x2fff, STOP_NO_RULE), (0x3000, STOP_NO_RULE), (0x3fe7, STOP_NO_RULE),
            (0x3ff7, STOP_NO_RULE), (0x3ff8, STOP_ROOT), (0x3fff, STOP_ROOT),
        ] as [(UInt64, stop_reason)] {
            subject.registers[architecture.programCounter] = Self.code + address
            try expect(subject, [address], stop)
        }
    }

    @Test(arguments: both) func manyMappings(_ architecture: Architecture) throws {
        var subject = process(architecture, rule(UNWIND_END_OF_STACK), stackWords: [])
        let count = UInt64(ABI_MAX_MAPPINGS_PER_PROCESS)
        subject.mappings = (1...count).map {
            .init(start: $0 << 16, end: $0 << 16 + 0x800, bias: $0 << 16, executable: 1)
        }
        for index in [1, 2, 3, 1000, 2047, 2048, 2049, count - 1, count] {
            for (offset, isInside) in [(0, true), (0x7ff, true), (0x800, false)] as [(UInt64, Bool)] {
                subject.registers[architecture.programCounter] = index << 16 + offset
                try expect(subject, isInside ? [offset] : [], isInside ? STOP_ROOT : STOP_NO_MAPPING)
            }
        }
        subject.registers[architecture.programCounter] = 0xffff
        try expect(subject, [], STOP_NO_MAPPING)
    }
}
