import DWARF
import ObjectFiles
import Testing

struct CallFrameReaderTests {
    @Test func readsBothFormatsInTheirVersions() throws {
        for version in [1, 3] as [UInt8] {
            var vectors = CallFrameVectors()
            let common = vectors.addCommon(version: version)
            vectors.addFunction(common: common, instructions: [0x41, 0x0e, 16])
            let result = try vectors.read()
            #expect(result.functions == [CallFrameFunction(start: 0x40_0000, end: 0x40_0100, isSignalFrame: false)])
            #expect(result.rows.first?.count == 2)
        }
        for (version, isWide) in [(1, false), (3, false), (4, false), (4, true)] as [(UInt8, Bool)] {
            var vectors = CallFrameVectors()
            // A gap first, so that offsets from the section's start count.
            vectors.bytes = [0, 0, 0, 0]
            let common = vectors.addCommon(version: version, augmentation: "", isDebug: true, isWide: isWide)
            vectors.addFunction(
                common: common, hasAugmentation: false, instructions: [0x41, 0x0e, 16], isDebug: true, isWide: isWide)
            let result = try vectors.read(isDebug: true)
            #expect(result.functions.map(\.end) == [0x40_0100], "version \(version), wide \(isWide)")
            #expect(result.rows.first?.count == 2)
        }
    }

    /// 64-bit lengths, with the 4-byte CIE pointer that `.eh_frame` keeps.
    @Test func readsWideRecordsOfExceptionFrames() throws {
        var vectors = CallFrameVectors()
        let common = vectors.addCommon(isWide: true)
        vectors.addFunction(common: common, instructions: [], isWide: true)
        #expect(try vectors.read().functions.count == 1)
    }

    /// Where the pointer lies: behind the CIE (32 bytes), the length and the CIE pointer.
    @Test func readsAllPointerEncodings() throws {
        let place = CallFrameVectors.sectionAddress + 28 + 8
        func word<T: FixedWidthInteger>(_ value: T) -> [UInt8] { CallFrameVectors.word(value) }
        let cases: [(encoding: UInt8, location: [UInt8], start: UInt64)] = [
            (0x00, word(UInt64(0x40_0000)) + word(UInt64(16)), 0x40_0000),
            (0x01, [0x80, 0x80, 0x80, 0x02, 16], 0x40_0000),
            (0x02, word(UInt16(0x4000)) + word(UInt16(16)), 0x4000),
            (0x03, word(UInt32(0x40_0000)) + word(UInt32(16)), 0x40_0000),
            (0x04, word(UInt64(0x40_0000)) + word(UInt64(16)), 0x40_0000),
            (0x09, [0x80, 0x80, 0x80, 0x02, 16], 0x40_0000),
            (0x0a, word(Int16(0x4000)) + word(Int16(16)), 0x4000),
            (0x0b, word(Int32(0x40_0000)) + word(Int32(16)), 0x40_0000),
            (0x0c, word(Int64(0x40_0000)) + word(Int64(16)), 0x40_0000),
            (0x10, word(UInt64(0x5000)) + word(UInt64(16)), place + 0x5000),
            (0x1b, word(Int32(-16)) + word(Int32(16)), place - 16),
            (0x1c, word(Int64(-16)) + word(Int64(16)), place - 16),
            (0x23, word(UInt32(0x100)) + word(UInt32(16)), 0x20_0100),
            (0x3b, word(Int32(-0x100)) + word(Int32(16)), 0x2f_ff00),
            (0x50, word(UInt32(0)) + word(UInt64(0x40_0000)) + word(UInt64(16)), 0x40_0000),
        ]
        for (encoding, location, start) in cases {
            var vectors = CallFrameVectors()
            let common = vectors.addCommon(augmentationData: [encoding])
            try #require(vectors.bytes.count == 28)
            vectors.addFunction(common: common, location: location, instructions: [])
            let result = try vectors.read()
            #expect(
                result.functions == [CallFrameFunction(start: start, end: start + 16, isSignalFrame: false)],
                "encoding 0x\(String(encoding, radix: 16))")
        }
        for encoding in [0x9b, 0xff, 0x0f, 0x40, 0x60] as [UInt8] {
            var vectors = CallFrameVectors()
            let common = vectors.addCommon(augmentationData: [encoding])
            vectors.addFunction(common: common, instructions: [])
            let result = try vectors.read()
            #expect(result.functions.isEmpty)
            #expect(result.statistics.skippedFunctions == 1, "encoding 0x\(String(encoding, radix: 16))")
        }
    }

    @Test func readsAugmentations() throws {
        var vectors = CallFrameVectors()
        let commons = [
            vectors.addCommon(augmentation: "zPLR", augmentationData: [0x9b, 1, 2, 3, 4, 0x1b, 0x00]),
            vectors.addCommon(augmentation: "zRS"),
            vectors.addCommon(augmentation: "zRB"),
            vectors.addCommon(augmentation: "zRX"),
            vectors.addCommon(augmentation: "X"),
        ]
        for (index, common) in commons.enumerated() {
            vectors.addFunction(common: common, start: 0x1000 * UInt64(index + 1), instructions: [])
        }
        let result = try vectors.read()
        #expect(result.functions.map(\.start) == [0x1000, 0x2000, 0x3000])
        #expect(result.functions.map(\.isSignalFrame) == [false, true, false])
        #expect(result.statistics.skippedFunctions == 2)
    }

    @Test func oneBadFunctionCostsOnlyItself() throws {
        var vectors = CallFrameVectors()
        let common = vectors.addCommon()
        vectors.addFunction(common: common, start: 0x1000, instructions: [])
        vectors.addFunction(common: common, start: 0x2000, instructions: [0x3f])
        // A CIE that is none.
        vectors.addFunction(common: common + 3, start: 0x3000, instructions: [])
        vectors.addFunction(common: common, start: 0, instructions: [])
        vectors.addFunction(common: common, start: .max, instructions: [])
        vectors.addFunction(common: common, start: .max - 4, instructions: [])
        vectors.bytes += [0, 0, 0, 0]
        vectors.addFunction(common: common, start: 0x6000, instructions: [])
        let result = try vectors.read()
        #expect(result.functions.map(\.start) == [0x1000, 0x6000])
        #expect(result.statistics.skippedFunctions == 3)
        #expect(result.statistics.discardedFunctions == 2)
        #expect(!result.statistics.isTruncated)
        // Where the size is not known, a terminator ends the section.
        #expect(try vectors.read(endsAtTerminator: true).functions.map(\.start) == [0x1000])
    }

    @Test func commonInformationMayFollow() throws {
        var vectors = CallFrameVectors()
        // In .debug_frame only, by its offset: the FDE takes 32 bytes.
        vectors.addFunction(common: 28, hasAugmentation: false, instructions: [], isDebug: true)
        try #require(vectors.bytes.count == 28)
        _ = vectors.addCommon(version: 4, augmentation: "", isDebug: true)
        #expect(try vectors.read(isDebug: true).functions.count == 1)
    }

    @Test func sectionsCutShortKeepWhatCameBefore() throws {
        var vectors = CallFrameVectors()
        let common = vectors.addCommon()
        vectors.addFunction(common: common, start: 0x1000, instructions: [])
        let whole = vectors.bytes.count
        vectors.addFunction(common: common, start: 0x2000, instructions: [])
        for count in (whole + 1)..<vectors.bytes.count {
            var cut = vectors
            cut.bytes = Array(vectors.bytes.prefix(count))
            let result = try cut.read()
            #expect(result.functions.map(\.start) == [0x1000])
            #expect(result.statistics.isTruncated)
        }
    }

    /// However small the window, the result is the same.
    @Test func windowsDoNotMatter() throws {
        var vectors = CallFrameVectors()
        var commons: [Int] = []
        for index in 0..<200 {
            if index % 7 == 0 { commons.append(vectors.addCommon()) }
            vectors.addFunction(
                common: commons[index * 31 % commons.count], start: 0x1000 * UInt64(index + 1),
                instructions: [UInt8](repeating: 0x41, count: index) + [0x0e, 16])
        }
        let small = try vectors.read(windowBytes: 64)
        #expect(small.functions.count == 200)
        #expect(try vectors.read(windowBytes: 1 << 20) == small)
    }
}
