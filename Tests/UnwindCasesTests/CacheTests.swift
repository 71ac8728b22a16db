import CBPFInterface
import Testing
import Unwinding

@testable import UnwindCases

/// The rules that a CPU remembers from one stack to the next.
struct CacheTests {
    /// The second time finds what the first one did, without a look at the tables.
    @Test(arguments: RecordedCases.names)
    func rememberedRulesUnwindTheSame(_ name: String) throws {
        let recorded = try RecordedCases.load(name)
        let maps = try recorded.maps()
        let expected = recorded.replay(in: maps)
        maps.useCache()
        #expect(recorded.replay(in: maps) == expected)
        #expect(recorded.replay(in: maps) == expected)
        for block in maps.blocks.indices { maps.blocks[block] = table_block() }
        let remembered = recorded.replay(in: maps)
        // Two places of one stack may share an entry; frames before them do not.
        #expect(remembered.frames.count > 1 && expected.frames.starts(with: remembered.frames))
        maps.cache = nil
        if expected.frames.count > 2 { #expect(recorded.replay(in: maps).frames.count < expected.frames.count) }
    }

    /// An executable's number goes to another file, or its table is built anew: what was remembered is of no use.
    @Test func aRepublishedTableIsLookedUpAnew() throws {
        let rules = RuleSet()
        func table(_ rule: Int) -> UnwindTable {
            UnwindTable(
                firstPageAddress: 0x1000, pageShift: 12,
                pages: [.init(firstRow: 0, ruleAndRowCount: UInt32(rule) << 16)], rows: [])
        }
        let maps = UnwindMaps()
        maps.rules = rules.rules()
        maps.useCache()
        let number = try maps.add(table(UNWIND_RULE_END_OF_STACK))
        let stack = [UInt8](repeating: 0, count: 64)
        var subject = UnwindCase(architecture: .x86_64, stackStart: 0x7fff_0000_0000, stack: stack)
        subject.registers[Int(X86_RSP)] = subject.stackStart
        subject.registers[Int(X86_RIP)] = 0x1234
        subject.mappings = [.init(start: 0x1000, end: 0x2000, bias: 0, executable: number)]
        #expect(subject.replay(in: maps).stopReason == STOP_ROOT.rawValue)
        try maps.replace(number, with: table(UNWIND_RULE_INVALID))
        #expect(subject.replay(in: maps).stopReason == STOP_NO_RULE.rawValue)
        maps.update(number) { $0.state = UInt8(EXECUTABLE_TABLE_PENDING.rawValue) }
        #expect(subject.replay(in: maps).stopReason == STOP_TABLE_PENDING.rawValue)
        try maps.replace(number, with: table(UNWIND_RULE_END_OF_STACK))
        #expect(subject.replay(in: maps).stopReason == STOP_ROOT.rawValue)
        // An old entry would be seen here: under the name of the table before, that one's rule is used.
        let name = maps.executables[number].table
        try maps.replace(number, with: table(UNWIND_RULE_INVALID))
        maps.update(number) { $0.table = name }
        #expect(subject.replay(in: maps).stopReason == STOP_ROOT.rawValue)
    }
}
