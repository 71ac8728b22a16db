import ObjectFiles

enum CompressionTargets {
    static let all = [xz, zlib, zstd]

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

    private static let zlib = section("zlib", type: 1)
    private static let zstd = section("zstd", type: 2)
}
