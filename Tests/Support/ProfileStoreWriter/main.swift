// Writes messages of 50 samples into the store at the directory given, one after the other and for ever, and prints a
// line for each that the store took. Tests kill it in the middle.
import Foundation
import Logging
import ProfileStore
import SyntheticProfiles

let directory = CommandLine.arguments[1]
let store = try await ProfileStore.open(
    StoreConfiguration(directory: directory), logger: Logger(label: "writer", factory: { _ in SwiftLogNoOpLogHandler() }))
for round in 0... {
    var builder = ProfileMessageBuilder()
    let now = UInt64(Date().timeIntervalSince1970) * 1_000_000_000
    for sample in 0..<50 {
        builder.add(
            [.init("leaf \(round) \(sample)"), .init("middle \(sample)"), .init("root")],
            process: .init(pid: Int64(sample % 5), executablePath: "/bin/p"), threadName: "t", tid: 1,
            timestampsUnixNano: [now])
    }
    try await store.ingest(builder.message())
    try FileHandle.standardOutput.write(contentsOf: Data("\(round)\n".utf8))
}
