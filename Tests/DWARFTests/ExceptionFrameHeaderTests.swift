import DWARF
import ObjectFiles
import Testing

struct ExceptionFrameHeaderTests {
    /// Version 1; frames pcrel sdata4, count udata4, table datarel sdata4; frames at 0x1020; two entries.
    private let bytes: [UInt8] = [
        1, 0x1b, 0x03, 0x3b, 0x1c, 0, 0, 0, 2, 0, 0, 0,
        0x00, 0xf0, 0xff, 0xff, 0x60, 0, 0, 0,
        0x00, 0xf1, 0xff, 0xff, 0x38, 0, 0, 0,
    ]

    private func read(_ bytes: [UInt8]) throws -> ExceptionFrameHeader? {
        try ExceptionFrameHeader.read(
            address: 0x1000, sourceOffset: 0, size: UInt64(bytes.count), source: MemorySource(bytes))
    }

    @Test func findsTheFramesAndTheirLastRecord() throws {
        let header = try #require(try read(bytes))
        #expect(header.framesAddress == 0x1020)
        #expect(header.functionCount == 2)
        #expect(header.lastFunctionRecordAddress == 0x1060)
    }

    @Test func damageGivesNothing() throws {
        #expect(try read([2] + bytes.dropFirst()) == nil)
        for count in 0..<12 { #expect(try read(Array(bytes.prefix(count))) == nil) }
        // A table that is cut short lists what is there.
        #expect(try read(Array(bytes.prefix(20)))?.functionCount == 1)
        // Without a table the frames are found all the same.
        let withoutTable = try #require(try read([1, 0x1b, 0xff, 0xff] + bytes[4..<8]))
        #expect(withoutTable.framesAddress == 0x1020)
        #expect(withoutTable.functionCount == 0)
    }
}
