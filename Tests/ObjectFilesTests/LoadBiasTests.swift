import Glibc
import ObjectFiles
import Testing

/// Where loaders map segments, on made-up files and with every page size that Linux has. The truth is the rule of the
/// kernel's and of glibc's loader: a segment is mapped from its offset and its address, both rounded down to a page.
@Suite struct LoadBiasTests {
    struct Segment: Sendable {
        var flags: UInt32 = 5
        var offset: UInt64
        var address: UInt64
        var size: UInt64
    }

    static let file64KiB = [
        // As linkers lay out files for arm64, where segments are 64 KiB apart in memory but follow each other in the
        // file.
        Segment(flags: 4, offset: 0, address: 0, size: 0x2345),
        Segment(flags: 5, offset: 0x2350, address: 0x1_2350, size: 0x7000),
        Segment(flags: 6, offset: 0x9350, address: 0x2_9350, size: 0x1000),
        Segment(flags: 5, offset: 0x1_a358, address: 0x4_a358, size: 0x3_0000),
    ]

    static func file(_ segments: [Segment]) throws -> ELFFile {
        var bytes: [UInt8] = []
        func append<Value: FixedWidthInteger>(_ value: Value) {
            withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
        }
        // Elf64_Ehdr: AArch64, program headers right behind it, no sections.
        bytes += [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0] + [UInt8](repeating: 0, count: 8)
        append(UInt16(3)); append(UInt16(183)); append(UInt32(1))
        append(UInt64(0)); append(UInt64(64)); append(UInt64(0)); append(UInt32(0))
        append(UInt16(64)); append(UInt16(56)); append(UInt16(segments.count))
        append(UInt16(64)); append(UInt16(0)); append(UInt16(0))
        for segment in segments {
            append(UInt32(1)); append(segment.flags)
            for field in [segment.offset, segment.address, segment.address, segment.size, segment.size, 0x1_0000] {
                append(field)
            }
        }
        return try ELFFile(MemorySource(bytes))
    }

    @Test(arguments: [4096, 16384, 65536] as [UInt64])
    func everySegmentOfAFileForLargePages(pageSize: UInt64) throws {
        let file = try Self.file(Self.file64KiB)
        let base: UInt64 = 0xaaaa_0000_0000
        for segment in Self.file64KiB where segment.flags & 1 != 0 {
            let start = base + segment.address & ~(pageSize - 1)
            let offset = segment.offset & ~(pageSize - 1)
            #expect(file.loadBias(mappingStart: start, fileOffset: offset, pageSizeBytes: pageSize) == base)
            // A mapping that was split further up, by mprotect(2).
            guard offset + pageSize < segment.offset + segment.size else { continue }
            #expect(
                file.loadBias(mappingStart: start + pageSize, fileOffset: offset + pageSize, pageSizeBytes: pageSize)
                    == base)
        }
    }

    /// Two executable segments in one page of the file: each mapping belongs to the segment that begins in it.
    @Test func segmentsThatShareAPage() throws {
        let segments = [
            Segment(offset: 0x1000, address: 0x40_1000, size: 0x1f00),
            Segment(offset: 0x2f10, address: 0x40_3f10, size: 0x2000),
        ]
        let file = try Self.file(segments)
        #expect(file.elfAddress(ofMappingAt: 0x1000, pageSizeBytes: 4096) == 0x40_1000)
        #expect(file.elfAddress(ofMappingAt: 0x2000, pageSizeBytes: 4096) == 0x40_3000)
    }

    /// What is not said is this machine's page size.
    @Test func thisMachinesPagesAreTheDefault() throws {
        let file = try Self.file(Self.file64KiB)
        let pageSize = UInt64(sysconf(Int32(_SC_PAGESIZE)))
        for offset in stride(from: 0, to: 0x5_0000 as UInt64, by: 0x1000) {
            #expect(
                file.elfAddress(ofMappingAt: offset)
                    == file.elfAddress(ofMappingAt: offset, pageSizeBytes: pageSize))
        }
        #expect(ELFFile.systemPageSizeBytes == pageSize)
    }
}
