// Starts the viewer with made-up profiles, to try the page by hand and to measure it:
//
//     swift run profileviewer-demo [port] [distinct stacks]
//
// The defaults are port 7373 and 50,000 stacks. Ctrl-C ends it; its folder is removed on the next start.
import Foundation
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
var host = SyntheticHost()
let ingested = try await clock.measure {
    if stacks > 0 {
        try await store.ingest(host.message(distinctStacks: stacks, window: now - 290..<now))
        try await store.ingest(host.message(distinctStacks: max(1, stacks / 50), window: now - 3000..<now - 300))
    }
}
let queried = try await clock.measure {
    _ = try await store.flameGraph(SampleFilter(fromSeconds: Int64(now) - 300, toSeconds: Int64(now) + 1))
}
let server = ProfileViewerServer(store: store, configuration: ViewerConfiguration(port: port), logger: logger)
let listening = try await server.start()
let report = """
    \(stacks) distinct stacks: stored in \(ingested), queried in \(queried)
    http://localhost:\(listening)/

    """
try FileHandle.standardOutput.write(contentsOf: Data(report.utf8))
while true { try await Task.sleep(for: .seconds(3600)) }
