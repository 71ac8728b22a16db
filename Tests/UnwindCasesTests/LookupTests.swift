import CBPFInterface
import LiveSupport
import ObjectFiles
import TestRandomness
import Testing
import Unwinding

@testable import UnwindCases

/// The kernel's look-up in C against `UnwindTable.rule(at:)`, over whole tables as the arena holds them.
struct LookupTests {
    static let files = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6", "/proc/self/exe"]

    @Test(arguments: files.filter { Requirement.path($0).whyMissing() == nil })
    func cAndSwiftFindTheSameRules(_ path: String) throws {
        let rules = RuleSet()
        let table = try UnwindTable.load(from: ELFFile(FileReader(path: path)), into: rules)
        #expect(table.rows.count > 10_000)
        let maps = UnwindMaps()
        // Another table before, so that pages do not start at blocks' starts.
        var other = UnwindTable(firstPageAddress: 0, pageShift: 12, pages: [], rows: [])
        other.rows = [0, 4, 8].map { 2 << 16 | $0 }
        other.pages = [.init(firstRow: 0, ruleAndRowCount: 3)]
        try maps.add(other)
        let number = try maps.add(table)
        // Rule n tells itself: the return address is the stack's word n of a made-up stack that holds n's own place.
        let count = rules.count
        maps.rules = (0..<count).map { number in
            var rule = unwind_rule()
            rule.kind = UInt8(UNWIND_CFA.rawValue)
            rule.cfa_register = UInt8(X86_RSP)
            rule.cfa_offset = 8
            rule.return_address_offset = Int32(number * 8) - 8
            return rule
        }
        let marker: UInt64 = 1 << 40
        var stack: [UInt8] = []
        for number in 0..<count {
            withUnsafeBytes(of: (marker + UInt64(number) * 16).littleEndian) { stack += $0 }
        }
        let end = table.firstPageAddress + UInt64(table.pages.count) << UInt64(table.pageShift)
        var subject = UnwindCase(architecture: .x86_64, stackStart: 0x7fff_0000_0000, stack: stack)
        subject.registers[Int(X86_RSP)] = subject.stackStart
        subject.mappings = [
            .init(start: 0, end: marker, bias: 0, executable: number),
            .init(start: marker, end: marker << 1, bias: 0, executable: 0, kind: UInt8(MAPPING_ANONYMOUS.rawValue)),
        ]
        var random = SplitMix64(seed: 1)
        var addresses = (0..<10_000).map { _ in UInt64.random(in: max(1, table.firstPageAddress)..<end, using: &random) }
        // Both sides of page boundaries.
        for page in table.pages.indices.prefix(500) {
            let start = table.firstPageAddress + UInt64(page) << UInt64(table.pageShift)
            addresses += [start &- 1, start].filter { $0 >= table.firstPageAddress && $0 > 0 }
        }
        var different: [UInt64] = []
        var distinct: Set<UInt16> = []
        for address in addresses {
            subject.registers[Int(X86_RIP)] = address
            let outcome = subject.replay(in: maps)
            let found = outcome.frames.count > 1 ? UInt16((outcome.frames[1].address - marker) / 16) : nil
            if found != table.rule(at: address) { different.append(address) }
            if let found { distinct.insert(found) }
        }
        #expect(different.isEmpty, "\(different.count) of \(addresses.count) differ, such as \(different.prefix(5))")
        #expect(distinct.count > 20)
        for outside in [end, end + 1, table.firstPageAddress &- 1] where outside < marker && outside > 0 {
            subject.registers[Int(X86_RIP)] = outside
            let outcome = subject.replay(in: maps)
            #expect(outcome.stopReason == STOP_NO_RULE.rawValue && outcome.frames.count == 1)
        }
    }
}
