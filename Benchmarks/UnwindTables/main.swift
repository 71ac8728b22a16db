// How fast unwinding tables are made, and how much memory they take.
//
//     OTELCOL_ONLY=unwind-tables-benchmark swift run -c release unwind-tables-benchmark FILE...
//
// Reads each file five times and reports the least processor time, reading included (from the page cache).

import Glibc
import ObjectFiles
import Unwinding

func cpuNanoseconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
}

func peakResidentKiB() -> Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss
}

let paths = CommandLine.arguments.dropFirst()
if paths.isEmpty {
    print("usage: unwind-tables-benchmark FILE...")
    exit(2)
}
let rules = RuleSet()
// As large as the largest arena, to see how much of it placing loses.
var arena = TableArena(capacityBytes: 256 << 20)
var tableWords = 0
for path in paths {
    do {
        var fastest = Double.infinity
        var table: UnwindTable?
        for _ in 0..<5 {
            table = nil
            let start = cpuNanoseconds()
            table = try UnwindTable.load(from: ELFFile(FileReader(path: path)), into: rules)
            fastest = min(fastest, cpuNanoseconds() - start)
        }
        guard let table else { continue }
        _ = try arena.insert(table)
        tableWords += table.wordCount
        let rows = max(1, table.rows.count)
        let perRow = (fastest / Double(rows) * 10).rounded() / 10
        let bytesPerRow = (Double(table.wordCount * 4) / Double(rows) * 100).rounded() / 100
        print(
            path, "functions \(table.statistics.callFrames.functions)",
            "skipped \(table.statistics.callFrames.skippedFunctions)", "rows \(rows)", "pages \(table.pages.count)",
            "shift \(table.pageShift)", "rules \(table.statistics.distinctRules)",
            "ms \((fastest / 1e5).rounded() / 10)", "ns/row \(perRow)", "bytes/row \(bytesPerRow)",
            "peak MiB \(peakResidentKiB() / 1024)")
    } catch {
        print(path, error)
    }
}
print(
    "all: rules \(rules.count), tables \(tableWords * 4 / 1024) KiB, in arena \(arena.usedWords * 4 / 1024) KiB of",
    "\(arena.blockCount * 4) KiB")
