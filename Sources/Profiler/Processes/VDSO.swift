import Glibc

/// The image of the vDSO: an ELF shared object that the kernel maps into every process, without a file. One image for
/// the whole host (64-bit processes), so that of the profiler itself serves for all.
public struct VDSO: Sendable {
    /// The name by which programs know it.
    public static let name = "linux-vdso.1.so"

    public var image: [UInt8]

    /// Most that a vDSO is taken to measure; today's have 4 to 16 KiB.
    private static let maximumBytes: UInt64 = 1 << 20

    /// Reads the profiler's own; nil when the kernel maps none (boot option `vdso=0`) or `/proc` is not there.
    public static func read(proc: ProcFileSystem = ProcFileSystem()) -> VDSO? {
        let pid = getpid()
        guard let maps = try? proc.mappings(of: pid, thread: pid),
            let mapping = maps.mappings.first(where: { $0.kind == .vdso }),
            mapping.end - mapping.start <= maximumBytes,
            let image = try? RemoteMemory(pid: pid).readBytes(
                at: mapping.start, count: Int(mapping.end - mapping.start)),
            image.starts(with: [0x7f, 0x45, 0x4c, 0x46])
        else { return nil }
        return VDSO(image: image)
    }
}
