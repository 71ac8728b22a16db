import ObjectFiles
import Symbolization

enum ELFTargets {
    static let all = [elf, symbols]

    static let smallFiles: @Sendable () -> [[UInt8]] = {
        Corpus.systemFiles([
            "/usr/lib/x86_64-linux-gnu/libdl.so.2", "/usr/lib/aarch64-linux-gnu/libdl.so.2", "/usr/lib64/libdl.so.2",
            "/bin/true",
        ]) + Corpus.files(of: "debug-file")
    }

    /// Headers and everything that they lead to.
    private static let elf = FuzzTarget("elf", seeds: smallFiles) { bytes in
        let source = MemorySource(bytes)
        _ = try? FileID(contentsOf: source)
        guard let file = try? ELFFile(source) else { return }
        _ = file.gnuBuildID()
        _ = file.goBuildID()
        _ = file.notes()
        _ = file.debugLink()
        _ = file.supplementaryLink()
        _ = file.dynamicSection()
        for segment in file.segments {
            _ = file.loadBias(mappingStart: 0x7f00_0000_0000, fileOffset: segment.offset)
            _ = file.fileRange(ofAddress: segment.address)
            _ = try? file.contents(of: segment, limitBytes: 64 << 10)
            _ = try? file.read(atAddress: segment.address &+ segment.memorySize &- 1, count: 16)
        }
        for section in file.sections.prefix(64) { _ = try? file.contents(of: section, limitBytes: 64 << 10) }
    }

    /// Symbol tables, also those that are compressed into another section.
    private static let symbols = FuzzTarget("symbols", seeds: smallFiles) { bytes in
        guard let file = try? ELFFile(MemorySource(bytes)) else { return }
        for table in [file.symbolTable(), file.dynamicSymbolTable()].compactMap({ $0 }) {
            _ = try? file.forEachSymbol(in: table, limit: 10_000) { _ in }
        }
        let symbolizer = Symbolizer()
        for segment in file.executableSegments.prefix(4) {
            for step in 0..<8 as Range<UInt64> {
                let address = segment.address &+ segment.memorySize / 8 &* step
                _ = symbolizer.symbolize(FileID(high: 0, low: 1), at: .instruction(address)) { MemorySource(bytes) }
            }
        }
    }
}
