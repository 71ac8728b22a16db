import Foundation
import Logging
import OTLP
import ProfileStore
import SyntheticProfiles
import TestRandomness

typealias Frame = ProfileMessageBuilder.Frame

/// A store in a folder of its own, with a clock that the test sets.
struct TemporaryStore {
    let directory: String
    let clock: SettableClock
    var configuration: StoreConfiguration

    init(_ change: (inout StoreConfiguration) -> Void = { _ in }) {
        directory = NSTemporaryDirectory() + "profilestore-\(UUID().uuidString)"
        clock = SettableClock()
        configuration = StoreConfiguration(directory: directory)
        change(&configuration)
    }

    func open() throws -> ProfileStore {
        let clock = clock
        return try ProfileStore(
            configuration, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
            clock: { clock.seconds })
    }

    func remove() {
        try? FileManager.default.removeItem(atPath: directory)
    }
}

/// Seconds since 1970; begins at a round time.
final class SettableClock: @unchecked Sendable {
    // A lock guards the only field.
    private let lock = NSLock()
    private var value: Int64 = 1_800_000_000

    var seconds: Int64 {
        get { lock.withLock { value } }
        set { lock.withLock { value = newValue } }
    }
}

/// One sample of the brute-force model that queries are compared with.
struct ModelSample {
    var frames: [Frame]
    var process: String
    var pid: Int64
    var thread: String
    var seconds: Int64
}

/// Random samples with few names, so that stacks share prefixes, recur and recurse.
struct Model {
    var samples: [ModelSample] = []

    init(count: Int, from start: Int64, lengthSeconds: Int64, seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<count {
            let depth = 1 + Int(random.next() % 6)
            let names = (0..<depth).map { _ in "f\(random.next() % 4)" }
            samples.append(
                ModelSample(
                    frames: names.map { Frame($0, file: "\($0).c", module: "m") },
                    process: "p\(random.next() % 3)", pid: Int64(random.next() % 2), thread: "t\(random.next() % 2)",
                    seconds: start + Int64(random.next() % UInt64(lengthSeconds))))
        }
    }

    /// The samples as OTLP messages of at most `batch` samples.
    func messages(batch: Int) -> [Opentelemetry_Proto_Profiles_V1development_ProfilesData] {
        stride(from: 0, to: samples.count, by: batch).map { first in
            var builder = ProfileMessageBuilder()
            for sample in samples[first..<min(first + batch, samples.count)] {
                builder.add(
                    sample.frames,
                    process: .init(pid: sample.pid, executablePath: "/bin/\(sample.process)"),
                    threadName: sample.thread, tid: sample.pid * 10,
                    timestampsUnixNano: [UInt64(sample.seconds) * 1_000_000_000 + 5])
            }
            return builder.message()
        }
    }

    /// Value per path of function names, root first.
    static func paths(_ samples: [ModelSample], prefix: (ModelSample) -> [String] = { _ in [] }) -> [[String]: Int64] {
        var result: [[String]: Int64] = [:]
        for sample in samples { result[prefix(sample) + sample.frames.reversed().map(\.name), default: 0] += 1 }
        return result
    }
}

extension FlameGraph {
    /// Self value per path of function names, root first.
    func paths() -> [[String]: Int64] {
        var names: [[String]] = [[]]
        var result: [[String]: Int64] = [:]
        for node in 1..<max(1, parents.count) {
            names.append(names[Int(parents[node])] + [functions[Int(nodeFunctions[node])].name])
            if selfValues[node] > 0 { result[names[node], default: 0] += selfValues[node] }
        }
        return result
    }
}
