import LZ4Compression
import ObjectFiles
import SnappyCompression

enum CompressionTargets {
    static let all = [xz, zlib, zstd, snappy, snappyFramed, lz4]

    private static let limitBytes = 1 << 20

    private static let xz = FuzzTarget("xz") { bytes in _ = try? XZ.decompress(bytes, limitBytes: limitBytes) }

    /// Seeds are of the format alone; the section's header says that it unpacks to what they unpack to, or to more.
    private static func section(_ name: String, type: UInt8) -> FuzzTarget {
        FuzzTarget(name) { bytes in
            for size in [UInt8(1), 16] {
                // Elf64_Chdr: type, reserved, size (in KiB here), alignment.
                let header: [UInt8] = [type, 0, 0, 0, 0, 0, 0, 0, 0, size, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
                let image = MemorySource(header + bytes)
                guard let slice = SourceSlice(image, offset: 0, size: image.size),
                    let section = CompressedSection(slice)
                else { continue }
                _ = try? section.read(at: 0, count: Int(section.size))
            }
        }
    }

    private static let snappy = FuzzTarget("snappy", seeds: { texts.map(Snappy.compress) }) { bytes in
        _ = try? Snappy.decompress(bytes, limitBytes: limitBytes)
    }
    private static let snappyFramed = FuzzTarget("snappy-framed", seeds: { texts.map(SnappyFrames.compress) }) { bytes in
        _ = try? SnappyFrames.decompress(bytes, limitBytes: limitBytes)
    }
    private static let lz4 = FuzzTarget("lz4", seeds: { texts.map(LZ4.compress) }) { bytes in
        _ = try? LZ4.decompress(bytes, limitBytes: limitBytes)
    }

    private static let texts: [[UInt8]] = [
        [], Array("abc".utf8), Array(String(repeating: "the same again, ", count: 300).utf8),
        (0..<2000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) },
    ]

    private static let zlib = section("zlib", type: 1)
    private static let zstd = section("zstd", type: 2)
}
