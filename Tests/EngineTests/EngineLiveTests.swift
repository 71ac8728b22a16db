import Engine
import Glibc
import LiveSupport
import Synchronization
import Testing

@Suite(.serialized) struct EngineLiveTests {
    /// The engine profiles its own test: this thread's function is found, named, above the thread's root. With what the
    /// kernel offers, and as on a kernel of the 5.4 age.
    @Test(.enabled(if: try Live.has(.root, .bpf, .perfEvents)), arguments: ["0", "1"])
    func profilesItself(legacy: String) throws {
        setenv("OTELCOL_BPF_LEGACY", legacy, 1)
        defer { unsetenv("OTELCOL_BPF_LEGACY") }
        let intervals = Mutex<[ProfileInterval]>([])
        var options = EngineOptions()
        options.samplesPerSecond = 199
        options.reportIntervalNanoseconds = 500_000_000
        let engine = Engine(
            options: options, log: { level, message in if level != .debug { print("engine:", level, message) } },
            handler: { interval in intervals.withLock { $0.append(interval) } })
        try engine.start()
        let own = try #require(EngineLiveTests.threadID)
        // On a busy machine the test's own large executable takes a while to be read; no sample is lost meanwhile.
        let end = time(nil) + 60
        while time(nil) < end {
            let samples = intervals.withLock { intervals in
                intervals.reduce(0) { $0 + $1.samples.count { $0.tid == own } }
            }
            if samples >= 200 { break }
            for _ in 0..<100_000 { _ = time(nil) }
        }
        engine.stop()

        var found = 0, complete = 0
        var others: Set<String> = []
        for interval in intervals.withLock({ $0 }) {
            for sample in interval.samples where sample.tid == own {
                let trace = interval.traces[sample.trace]
                found += 1
                let names = trace.frames.compactMap { interval.frames[$0].functions.first?.name }
                if trace.isComplete, names.contains(where: { $0.contains("profilesItself") }) {
                    complete += 1
                } else {
                    others.insert(names.joined(separator: " < "))
                }
            }
        }
        #expect(found > 100)
        #expect(complete * 100 >= found * 99, "\(complete) of \(found) stacks are complete; others: \(others.sorted())")
        let metrics = Dictionary(uniqueKeysWithValues: engine.metrics().map { ($0.name, $0.value) })
        #expect(metrics["bpf.samples"] ?? 0 > 100)
        #expect(metrics["bpf.output.failed"] == 0)
    }

    /// Windows of time that chance leaves out: nothing is sampled, and what is wrong otherwise would be seen.
    @Test(.enabled(if: try Live.has(.root, .bpf, .perfEvents)), arguments: [0, 100])
    func samplesOnlyInSampledWindows(percent: Int) throws {
        let count = Mutex(0)
        var options = EngineOptions()
        options.samplesPerSecond = 199
        options.reportIntervalNanoseconds = 500_000_000
        options.sampledWindowsPercent = percent
        let engine = Engine(
            options: options, log: { _, _ in },
            handler: { interval in count.withLock { $0 += interval.samples.count } })
        try engine.start()
        let end = time(nil) + 3
        while time(nil) < end {}
        engine.stop()
        let samples = count.withLock { $0 }
        #expect(percent == 0 ? samples == 0 : samples > 100)
    }

    /// The calling thread's id: `/proc/thread-self` leads to `PID/task/TID`.
    static var threadID: Int32? {
        var target = [UInt8](repeating: 0, count: 64)
        let length = target.withUnsafeMutableBytes { bytes in
            bytes.baseAddress.map { readlink("/proc/thread-self", $0, bytes.count) } ?? -1
        }
        guard length > 0 else { return nil }
        return String(decoding: target.prefix(length), as: UTF8.self).split(separator: "/").last.flatMap { Int32($0) }
    }
}
