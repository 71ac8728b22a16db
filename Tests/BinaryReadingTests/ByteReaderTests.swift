import BinaryReading
import Testing

struct ByteReaderTests {
    @Test func readsLittleEndianIntegersAndMoves() throws {
        try [0x01, 0x02, 0x03, 0x04, 0xff].withByteReader { (reader) throws in
            #expect(try reader.read(UInt16.self) == 0x0201)
            #expect(try reader.read(UInt16.self) == 0x0403)
            #expect(reader.remaining == 1)
            #expect(throws: ReadError(.insufficientData, at: 4, reading: "")) { try reader.read(UInt32.self) }
            #expect(try reader.read(Int8.self) == -1)
        }
    }

    /// The examples of DWARF 5 §7.6, tables 7.7 and 7.8, and values that overflow.
    @Test func readsLEB128() throws {
        func unsigned(_ bytes: [UInt8]) throws -> UInt64 { try bytes.withByteReader { try $0.readULEB128() } }
        func signed(_ bytes: [UInt8]) throws -> Int64 { try bytes.withByteReader { try $0.readSLEB128() } }
        #expect(try unsigned([0x02]) == 2)
        #expect(try unsigned([0x80, 0x01]) == 128)
        #expect(try unsigned([0xb9, 0x64]) == 12857)
        #expect(try unsigned([UInt8](repeating: 0xff, count: 9) + [0x01]) == .max)
        #expect(throws: ReadError.self) { try unsigned([UInt8](repeating: 0xff, count: 9) + [0x02]) }
        #expect(throws: ReadError.self) { try unsigned([0x80]) }
        #expect(try signed([0x7e]) == -2)
        #expect(try signed([0xff, 0x00]) == 127)
        #expect(try signed([0x80, 0x7f]) == -128)
        #expect(try signed([UInt8](repeating: 0x80, count: 9) + [0x7f]) == .min)
        #expect(throws: ReadError.self) { try signed([UInt8](repeating: 0x80, count: 40)) }
    }

    @Test func slicesKeepAbsolutePositions() throws {
        try [0, 1, 2, 3, 4, 5].withByteReader { (reader) throws in
            try reader.skip(2)
            var slice = try reader.slice(3)
            try slice.skip(1)
            #expect(slice.absolutePosition == 3)
            #expect(throws: ReadError(.insufficientData, at: 3, reading: "")) { try slice.skip(3) }
            #expect(reader.position == 5)
        }
    }

    @Test func stringsEndAtNULAndAreRepaired() throws {
        try ([0x61, 0xff, 0x00, 0x62] as [UInt8]).withByteReader { (reader) throws in
            #expect(try reader.readCString() == "a\u{fffd}")
            #expect(throws: ReadError.self) { try reader.readCString() }
        }
        #expect(throws: ReadError(.limitExceeded, at: 0, reading: "")) {
            try [UInt8](repeating: 0x61, count: 100).withByteReader { try $0.readCString(limit: 10) }
        }
    }
}
