import CBPFInterface
import ObjectFiles
import Testing

@testable import Unwinding

/// Files made by hand: one executable segment at 0x1000, whose only named section is a procedure linkage table.
struct LinkageTableTests {
    private func word<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian, Array.init)
    }

    private func file(section: String, machine: UInt16, code: [UInt8]) throws -> ELFFile {
        let names = [0] + Array(section.utf8) + [0] + Array(".shstrtab".utf8) + [0]
        let codeOffset = 64 + 56
        let namesOffset = codeOffset + code.count
        let sectionsOffset = namesOffset + names.count
        var bytes: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)
        bytes += word(UInt16(3)) + word(machine) + word(UInt32(1))
        bytes += word(UInt64(0)) + word(UInt64(64)) + word(UInt64(sectionsOffset)) + word(UInt32(0))
        bytes += [64, 56, 1, 64, 3, 2].flatMap { word(UInt16($0)) }
        bytes += word(UInt32(1)) + word(UInt32(5))
        bytes += [codeOffset, 0x1000, 0x1000].flatMap { word(UInt64($0)) }
        bytes += word(UInt64(code.count)) + word(UInt64(code.count)) + word(UInt64(16))
        bytes += code + names
        func header(_ name: Int, _ type: UInt32, _ flags: UInt64, _ address: UInt64, _ offset: Int, _ size: Int) {
            bytes += word(UInt32(name)) + word(type) + word(flags) + word(address) + word(UInt64(offset))
            bytes += word(UInt64(size)) + word(UInt32(0)) + word(UInt32(0)) + word(UInt64(16)) + word(UInt64(0))
        }
        header(0, 0, 0, 0, 0, 0)
        header(1, 1, 6, 0x1000, codeOffset, code.count - 16)
        header(section.utf8.count + 2, 3, 0, 0, namesOffset, names.count)
        return try ELFFile(MemorySource(bytes))
    }

    /// The rules at these offsets from the section's start.
    private func rules(_ file: ELFFile, _ offsets: [UInt64]) throws -> [unwind_rule] {
        let rules = RuleSet()
        let table = try UnwindTable.load(from: file, into: rules)
        return offsets.compactMap { table.rule(at: 0x1000 + $0).flatMap { rules.rule($0) } }
    }

    @Test func lazyTablesOfX86() throws {
        let code: [UInt8] = [0xff, 0x35] + [UInt8](repeating: 0x90, count: 62)
        let found = try rules(file(section: ".plt", machine: 62, code: code), [0, 5, 6, 15, 16, 47, 48])
        #expect(found.map { UInt32($0.kind) }.prefix(4) == [UInt32](repeating: UNWIND_CFA.rawValue, count: 4)[...])
        #expect(found.map(\.cfa_offset).prefix(4) == [16, 16, 24, 24])
        #expect(found.map { UInt32($0.kind) }.suffix(3) == [
            UNWIND_PLT.rawValue, UNWIND_PLT.rawValue, UNWIND_FRAME_POINTER.rawValue,
        ])
        #expect(found[4].cfa_added == 11)
        // Without an entry 0, and with landing pads.
        let tracked: [UInt8] = [0xf3, 0x0f, 0x1e, 0xfa] + [UInt8](repeating: 0x90, count: 60)
        let other = try rules(file(section: ".plt", machine: 62, code: tracked), [0, 47])
        #expect(other.map { UInt32($0.kind) } == [UNWIND_PLT.rawValue, UNWIND_PLT.rawValue])
        #expect(other.map(\.cfa_added) == [9, 9])
    }

    @Test(arguments: [".plt.sec", ".plt.got"])
    func otherTablesOfX86OnlyJump(section: String) throws {
        let found = try rules(
            file(section: section, machine: 62, code: [UInt8](repeating: 0x90, count: 64)), [0, 11, 47])
        #expect(found.map(\.cfa_offset) == [8, 8, 8])
        #expect(found.map(\.return_address_offset) == [-8, -8, -8])
    }

    @Test func tablesOfARM64() throws {
        let found = try rules(
            file(section: ".plt", machine: 183, code: [UInt8](repeating: 0x1f, count: 80)), [0, 4, 31, 32, 63])
        let inRegister = UInt8(UNWIND_RA_IN_REGISTER.rawValue)
        let onStack = UInt8(UNWIND_RA_ON_STACK.rawValue)
        #expect(found.map(\.return_address) == [inRegister, onStack, onStack, inRegister, inRegister])
        #expect(found.map(\.cfa_offset) == [0, 16, 16, 0, 0])
    }
}
