import DWARF
import ObjectFiles
import Unwinding

enum CallFramesTargets {
    static let all = [exceptionFrames, debugFrames, unwindTable]

    /// `.eh_frame` of a small file of this machine.
    private static let seeds: @Sendable () -> [[UInt8]] = {
        ELFTargets.smallFiles().compactMap { bytes in
            guard let file = try? ELFFile(MemorySource(bytes)), let section = file.section(".eh_frame") else {
                return nil
            }
            return try? file.contents(of: section, limitBytes: 64 << 10)
        }
    }

    private static func read(_ bytes: [UInt8], _ format: CallFrameSection.Format) {
        for architecture in [CallFrameArchitecture.x86_64, .arm64] {
            let section = CallFrameSection(
                format: format, address: 0x1000, sourceOffset: 0, size: UInt64(bytes.count), textAddress: 0x1000,
                dataAddress: 0x2000)
            var reader = CallFrameReader(
                section, architecture: architecture, source: MemorySource(bytes), windowBytes: 256)
            while let function = try? reader.next() {
                _ = function
                reader.withRows { _ = $0.count }
            }
        }
    }

    private static let exceptionFrames = FuzzTarget("eh-frame", seeds: seeds) { read($0, .exceptionFrames) }
    private static let debugFrames = FuzzTarget("debug-frame", seeds: seeds) { read($0, .debugFrames) }

    /// From the file to the table, with the linkage table, the entry stub and `.eh_frame_hdr`.
    private static let unwindTable = FuzzTarget("unwind-table", seeds: ELFTargets.smallFiles) { bytes in
        guard let file = try? ELFFile(MemorySource(bytes)) else { return }
        _ = try? UnwindTable.load(from: file, into: RuleSet())
    }
}
