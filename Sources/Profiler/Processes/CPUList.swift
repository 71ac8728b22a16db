import Glibc

/// The kernel's list format for CPUs, as in `/sys/devices/system/cpu/online`: numbers and ranges, `0-3,8,10-11`
/// (`Documentation/admin-guide/cputopology.rst`).
public enum CPUList {
    /// The highest CPU number accepted: twice the most that Linux can be built for (NR_CPUS, x86_64).
    public static let maximumCPU = 16383

    /// - Returns: the CPUs in ascending order, or nil when the text is not such a list.
    public static func parse(_ text: some StringProtocol) -> [Int]? {
        var text = text[...]
        while let last = text.last, last.isWhitespace { text.removeLast() }
        var cpus: Set<Int> = []
        if text.isEmpty { return [] }
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            let bounds = item.split(separator: "-", omittingEmptySubsequences: false)
            guard (1...2).contains(bounds.count), let first = number(bounds[0]),
                let last = number(bounds[bounds.count - 1]),
                first <= last
            else { return nil }
            cpus.formUnion(first...last)
        }
        return cpus.sorted()
    }

    private static func number(_ text: some StringProtocol) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let value = Int(text), value <= maximumCPU
        else { return nil }
        return value
    }

    /// The CPUs that are online now.
    /// - Throws: `ProcessReadFailure` when the file cannot be read; `.other(EINVAL)` when it is not a list.
    public static func online(path: String = "/sys/devices/system/cpu/online") throws(ProcessReadFailure) -> [Int] {
        let bytes = try ProcFile.read(path, limitBytes: 64 << 10)
        guard let cpus = parse(String(decoding: bytes, as: UTF8.self)), !cpus.isEmpty else { throw .other(EINVAL) }
        return cpus
    }

    /// What to open and to close when the set of online CPUs changed.
    public static func changes(open: [Int], online: [Int]) -> (toOpen: [Int], toClose: [Int]) {
        let (open, online) = (Set(open), Set(online))
        return (online.subtracting(open).sorted(), open.subtracting(online).sorted())
    }
}
