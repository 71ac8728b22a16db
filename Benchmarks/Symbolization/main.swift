// How fast addresses are named, side by side with addr2line and llvm-symbolizer on the same addresses in one run.
//
//     OTELCOL_ONLY=symbolization-benchmark swift run -c release symbolization-benchmark FILE [ADDRESSES]
//
// Every time is processor time, of user and kernel together, of one whole run over all addresses in a random order with
// a fixed seed. The tools run as processes that read the addresses from a file; what starting them takes with a single
// address is measured too and not subtracted.

import Foundation
import ObjectFiles
import Symbolization

func nanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Of all processes that have ended.
func childMilliseconds() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_CHILDREN.rawValue), &usage)
    return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000
        + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000
}

func milliseconds(_ body: () throws -> Void) rethrows -> Double {
    let start = nanoseconds()
    try body()
    return Double(nanoseconds() - start) / 1e6
}

func text(_ value: Double) -> String { String(format: "%.2f", value) }

let arguments = CommandLine.arguments.dropFirst()
guard let path = arguments.first else {
    print("usage: symbolization-benchmark FILE [ADDRESSES]")
    exit(2)
}
let count = arguments.dropFirst().first.flatMap { Int($0) } ?? 2000
let reader = try FileReader(path: path)
guard let code = try ELFFile(reader).section(".text") else {
    print("\(path) has no .text")
    exit(1)
}
var state: UInt64 = 1
let addresses = (0..<count).map { _ -> UInt64 in
    // A linear congruential generator (D. Knuth, MMIX).
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return code.address + (state >> 16) % code.size
}

// MARK: - This package

let id = FileID(high: 1, low: 1)
func name(_ symbolizer: Symbolizer, _ addresses: [UInt64]) -> (named: Int, frames: Int) {
    var (named, frames) = (0, 0)
    for address in addresses {
        guard let found = symbolizer.symbolize(id, at: .instruction(address), open: { reader }) else { continue }
        named += 1
        frames += found.frames.count
    }
    return (named, frames)
}

/// Pages of the file come from the page cache for all.
_ = try CRC32.of(reader)
var symbolizer = Symbolizer(capacityBytes: 128 << 20)
var times: [Double] = []
var result = (named: 0, frames: 0)
let first = milliseconds { _ = name(symbolizer, [addresses[0]]) }
for address in addresses {
    times.append(
        milliseconds {
            let more = name(symbolizer, [address])
            result = (result.named + more.named, result.frames + more.frames)
        })
}
let cold = times.reduce(first, +)
times.sort()
let cached = milliseconds { for _ in 0..<max(1, 200_000 / count) { _ = name(symbolizer, addresses) } }
let perSecond = Double(max(1, 200_000 / count) * count) / cached * 1000
print("\(path): \(count) addresses, \(result.named) named, \(result.frames) frames")
print("this package: first address \(text(first)) ms, all, cold \(text(cold)) ms")
print("  per address, cold: median \(text(times[count / 2] * 1000)) µs, p99 \(text(times[count * 99 / 100] * 1000)) µs")
print("  cached: \(Int(perSecond)) a second")

// MARK: - The tools

let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
defer { try? FileManager.default.removeItem(at: folder) }

func run(_ command: [String], _ addresses: ArraySlice<UInt64>) throws -> Double {
    let input = folder.appendingPathComponent("addresses")
    try (addresses.map { "0x" + String($0, radix: 16) }.joined(separator: "\n") + "\n")
        .write(to: input, atomically: false, encoding: .utf8)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.standardInput = try FileHandle(forReadingFrom: input)
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    let before = childMilliseconds()
    try process.run()
    process.waitUntilExit()
    return childMilliseconds() - before
}

for command in [
    ["addr2line", "-a", "-i", "-f", "-C", "-e", path], ["llvm-symbolizer", "--inlining", "--obj=\(path)"],
] {
    let one = try run(command, addresses[..<1])
    let all = try run(command, addresses[...])
    print(
        "\(command[0]): first address \(text(one)) ms, all \(text(all)) ms;",
        "this package is \(text(one / max(first, 0.001))) and \(text(all / max(cold, 0.001))) times as fast")
}
