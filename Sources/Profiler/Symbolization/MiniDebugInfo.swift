import ObjectFiles

/// `.gnu_debugdata`: an ELF file, packed by xz, whose `.symtab` has the functions that `.dynsym` lacks. Source: GDB's
/// manual, "MiniDebugInfo".
enum MiniDebugInfo {
    /// The largest known ones have a few megabytes.
    private static let packedLimitBytes = 16 << 20
    private static let limitBytes = 64 << 20

    /// Nil when there is none, or none that can be read.
    static func read(_ file: ELFFile) -> ELFFile? {
        guard let section = file.section(".gnu_debugdata"),
            let packed = try? file.contents(of: section, limitBytes: packedLimitBytes),
            let bytes = try? XZ.decompress(packed, limitBytes: limitBytes),
            let inner = try? ELFFile(MemorySource(bytes)), inner.machine == file.machine
        else { return nil }
        return inner
    }
}
