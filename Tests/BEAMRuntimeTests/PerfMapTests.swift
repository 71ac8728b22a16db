import Foundation
import Glibc
import LiveSupport
import ObjectFiles
import Processes
import Testing

@testable import BEAMRuntime

/// Every piece of compiled code of running emulators, against what they write for perf.
@Suite struct PerfMapTests {
    private static let folder = ((#filePath as NSString).deletingLastPathComponent as NSString)
        .appendingPathComponent("../Live/Programs/beam")

    private static let emulators: [(name: String, command: [String])] = [25, 27, 29].compactMap { release in
        let name = "erlang\(release)"
        return TestBed.command(runtime: name, ["sh", "run.sh", "+JPperf", "true", "busy.erl"]).map { (name, $0) }
    }

    @Test(.enabled(if: !emulators.isEmpty), arguments: emulators.map(\.name))
    func everyAddressHasTheNameThatTheEmulatorGaveIt(_ name: String) async throws {
        let emulator = try #require(Self.emulators.first { $0.name == name })
        let child = try ChildProcess(emulator.command, folder: Self.folder)
        let line = try #require(try await onThread { try child.readLine() })
        let pid = try #require(Int32(line.dropFirst("ready ".count)))
        defer { kill(pid, SIGKILL) }
        kill(pid, SIGSTOP)

        let path = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/exe")
        let file = try ELFFile(FileReader(path: "/proc/\(pid)/exe"))
        let memory = RemoteMemory(pid: pid)
        let maps = try String(contentsOfFile: "/proc/\(pid)/maps", encoding: .utf8)
        let first = try #require(
            maps.split(separator: "\n").first { $0.contains(" r-xp ") && $0.hasSuffix("/beam.smp") })
        let fields = first.split(separator: " ")
        let start = try #require(UInt64(fields[0].prefix { $0 != "-" }, radix: 16))
        let bias = try #require(
            file.loadBias(mappingStart: start, fileOffset: UInt64(fields[2], radix: 16) ?? 0))
        #expect(BEAMRuntime().inspect(file, path: path) != nil)

        var code = try BEAMCodeList.find(
            symbol: nil, BEAMVariables(of: file, bias: bias, memory: memory), memory)
        try code.refresh()
        let map = try String(contentsOfFile: "/proc/\(pid)/root/tmp/perf-\(pid).map", encoding: .utf8)
        var modules: [UInt64: BEAMModule] = [:]
        var checked = 0
        for line in map.split(separator: "\n") {
            // The last one may not have been written to its end.
            let fields = line.split(separator: " ", maxSplits: 2)
            guard fields.count == 3, let start = UInt64(fields[0].dropFirst(2), radix: 16),
                let size = UInt64(fields[1], radix: 16), size > 0, let entry = code.entry(for: start)
            else { continue }
            if modules[entry.start] == nil { modules[entry.start] = BEAMModule(entry.start, entry.sizeBytes, memory) }
            for address in [start, start + size / 2, start + size - 1] {
                let place = modules[entry.start]?.place(of: address)
                #expect(place?.name == String(fields[2].dropFirst()))
            }
            checked += 1
        }
        #expect(checked > 10_000)
        #expect(checked * 1000 > map.split(separator: "\n").count * 999)
    }
}
