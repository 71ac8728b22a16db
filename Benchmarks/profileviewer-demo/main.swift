// Starts the viewer with made-up profiles, to try the page by hand and to measure it:
//
//     swift run -c release profileviewer-demo [port] [distinct stacks]
//
// The defaults are port 7373 and 50,000 stacks. Prints what storing and querying them took; the page is measured by
// `Tests/Support/ProfileViewerPage/measure.py http://localhost:7373/`. Ctrl-C ends it; its folder is removed on the
// next start.
import Foundation
import FoundationNetworking
import Logging
import ProfileStore
import ProfileViewer
import SyntheticProfiles

let port = CommandLine.arguments.count > 1 ? Int(CommandLine.arguments[1]) ?? 7373 : 7373
let stacks = CommandLine.arguments.count > 2 ? Int(CommandLine.arguments[2]) ?? 50_000 : 50_000
let directory = NSTemporaryDirectory() + "profileviewer-demo-\(port)"
try? FileManager.default.removeItem(atPath: directory)

let logger = Logger(label: "profileviewer-demo")
let store = try await ProfileStore.open(StoreConfiguration(directory: directory), logger: logger)
let now = UInt64(Date().timeIntervalSince1970)
let clock = ContinuousClock()

/// CPU seconds that this process took so far.
func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

func say(_ text: String) throws {
    try FileHandle.standardOutput.write(contentsOf: Data("\(text)\n".utf8))
}

/// Says what `work` took: time passed, and CPU time, which other work on the machine changes less.
/// - Returns: seconds passed, and CPU seconds.
@discardableResult
func measure(_ what: String, _ work: () async throws -> String) async throws -> (passed: Double, processor: Double) {
    let before = processorSeconds()
    let begin = clock.now
    let result = try await work()
    let passed = begin.duration(to: clock.now) / .seconds(1)
    let processor = processorSeconds() - before
    let label = what.padding(toLength: 28, withPad: " ", startingAt: 0)
    try say(label + String(format: "%8.0f ms %8.0f ms CPU   ", passed * 1e3, processor * 1e3) + result)
    return (passed, processor)
}

/// Resident memory, in MiB.
func residentMemory() -> Int {
    let text = (try? FileHandle(forReadingAtPath: "/proc/self/statm")?.readToEnd()) ?? nil
    let pages = text.flatMap { String(decoding: $0, as: UTF8.self).split(separator: " ").dropFirst().first }
    return ((pages.flatMap { Int($0) } ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE)))) >> 20
}

if stacks > 0 {
    var host = SyntheticHost()
    let (message, earlier) = (
        host.message(distinctStacks: stacks, window: now - 290..<now),
        host.message(distinctStacks: max(1, stacks / 50), window: now - 3000..<now - 300)
    )
    for what in ["store new stacks", "store them again"] {
        let (passed, processor) = try await measure(what) {
            "\(try await store.ingest(message).samples) stacks"
        }
        try say(String(format: "    %.0f stacks/s, %.0f stacks/s of CPU", Double(stacks) / passed, Double(stacks) / processor))
    }
    try await store.ingest(earlier)
}
let window = SampleFilter(fromSeconds: Int64(now) - 300, toSeconds: Int64(now) + 1)
for round in ["first query", "second query", "third query"] {
    try await measure("\(round) of the window") {
        "\(try await store.flameGraph(window, grouping: .process).parents.count) boxes"
    }
}
let server = ProfileViewerServer(store: store, configuration: ViewerConfiguration(port: port), logger: logger)
let address = "http://localhost:\(try await server.start())/"
let query = "api/v1/flamegraph?from=\(now - 300)&to=\(now + 1)&group=process"
guard let url = URL(string: address + query) else { fatalError("\(address) is no address") }
try await measure("answer to the page") { "\(try await URLSession.shared.data(from: url).0.count >> 10) KiB" }
try say("\(try await store.status().sizeBytes >> 10) KiB on disk, \(residentMemory()) MiB resident")
try say(address)
while true { try await Task.sleep(for: .seconds(3600)) }
