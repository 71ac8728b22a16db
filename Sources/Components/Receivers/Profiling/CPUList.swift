import Collector

/// Sets of CPUs as the kernel writes them: `0-3,7`.
enum CPUList {
    /// More than any kernel supports (`CONFIG_NR_CPUS` is at most 8192).
    static let maximumCPU = 65_535

    static func parse(_ text: String) throws(CollectorError) -> Set<Int> {
        var cpus: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map(number)
            guard let first = ends[0], let last = ends[ends.count - 1] else {
                throw CollectorError(
                    "invalid CPU list \"\(text)\" at \"\(part)\"; write for example 0-3,7, CPUs up to \(maximumCPU)")
            }
            guard first <= last else {
                throw CollectorError("invalid CPU list \"\(text)\": the range \(part) ends before it starts")
            }
            cpus.formUnion(first...last)
        }
        return cpus
    }

    private static func number(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let number = Int(text), number <= maximumCPU
        else { return nil }
        return number
    }
}
