import Engine
import Foundation
import LiveSupport
import Processes
import Synchronization
import Testing

/// Which processes are profiled, and how densely: real ones, told apart by what the configuration can name.
@Suite(.serialized) struct SelectionLiveTests {
    static let requirements: [Requirement] = [.root, .bpf, .perfEvents, .tool("gcc")]

    /// Uses so many milliseconds of CPU time.
    private static let source = """
        #include <stdlib.h>
        #include <time.h>
        int main(int count, char **arguments) {
            struct timespec now;
            long limit = atol(arguments[1]);
            do clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
            while (now.tv_sec * 1000 + now.tv_nsec / 1000000 < limit);
        }
        """

    private static func compile(_ names: String..., in folder: TemporaryFolder) throws -> [String] {
        let path = folder.path(of: "burn.c")
        try Data(source.utf8).write(to: URL(fileURLWithPath: path))
        return try names.map { name in
            try Command.runBlocking(["gcc", "-O1", "-o", folder.path(of: name), path])
            return folder.path(of: name)
        }
    }

    private func glob(_ text: String) throws -> Glob { try #require(Glob(text)) }

    private func profile(
        samplesPerSecond: UInt64, _ change: (inout EngineOptions) throws -> Void, _ body: () throws -> Void
    ) throws -> (intervals: [ProfileInterval], metrics: [String: UInt64]) {
        let intervals = Mutex<[ProfileInterval]>([])
        var options = EngineOptions()
        options.samplesPerSecond = samplesPerSecond
        options.reportIntervalNanoseconds = 500_000_000
        options.reportJitter = 0
        try change(&options)
        let engine = Engine(
            options: options, log: { level, text in if level != .debug { print("engine:", text) } },
            handler: { interval in intervals.withLock { $0.append(interval) } })
        try engine.start()
        do { try body() } catch {
            engine.stop()
            throw error
        }
        engine.stop()
        return (
            intervals.withLock { $0 }, Dictionary(uniqueKeysWithValues: engine.metrics().map { ($0.name, $0.value) })
        )
    }

    /// Samples, and what they stand for, by pid.
    private func counts(_ intervals: [ProfileInterval]) -> [Int32: (samples: Int, weight: Int)] {
        var counts: [Int32: (samples: Int, weight: Int)] = [:]
        for sample in intervals.lazy.flatMap(\.samples) {
            counts[sample.pid, default: (0, 0)].samples += 1
            counts[sample.pid, default: (0, 0)].weight += Int(sample.weight)
        }
        return counts
    }

    /// The excluded one costs the kernel a look-up, the thinned one a quarter of its samples, whose sum stays what it is.
    @Test(.enabled(if: try Live.has(requirements)))
    func whatIsLeftOutIsNotSampledAndWhatIsThinnedKeepsItsSum() throws {
        let folder = try TemporaryFolder()
        let programs = try Self.compile("left-out", "thinned", "whole", in: folder)
        var pids: [Int32] = []
        let (intervals, metrics) = try profile(samplesPerSecond: 999) { options in
            var leftOut = ProcessSelection.Pattern(), thinned = ProcessSelection.Pattern()
            leftOut.executables = [try glob("left-*")]
            thinned.executables = [try glob(programs[1])]
            options.selection.exclude = [leftOut]
            options.selection.rates = [.init(pattern: thinned, oneIn: 4)]
        } _: {
            let children = try programs.map { try ChildProcess([$0, "2000"]) }
            pids = children.map(\.pid)
            for child in children { #expect(child.wait() == .code(0)) }
        }
        let counts = counts(intervals)
        #expect(counts[pids[0]] == nil)
        #expect(metrics["bpf.samples.excluded"] ?? 0 > 1000, "\(metrics)")
        let thinned = try #require(counts[pids[1]]), whole = try #require(counts[pids[2]])
        #expect(whole.samples == whole.weight && whole.samples > 1000)
        // 2,000 samples, each taken with a chance of one in four: a standard deviation of 4 %.
        #expect(abs(thinned.weight - whole.weight) < whole.weight / 5, "\(thinned) \(whole)")
        #expect(thinned.samples < whole.samples / 2, "\(thinned) \(whole)")
        #expect(metrics["bpf.samples.thinned"] ?? 0 > 1000)
    }

    private func groupMount() throws -> String {
        let mounts = try String(contentsOfFile: "/proc/self/mounts", encoding: .utf8).split(separator: "\n")
        let line = mounts.first { $0.split(separator: " ").dropFirst(2).first == "cgroup2" }
        return try String(#require(line?.split(separator: " ").dropFirst().first))
    }

    /// Processes that live for a moment, in a group that is left out: the kernel side knows after the first ones.
    @Test(.enabled(if: try Live.has(requirements)))
    func aGroupIsLeftOutByTheKernelSide() throws {
        let mount = try groupMount(), group = "/otelcol-left-out-\(getpid())"
        try FileManager.default.createDirectory(atPath: mount + group, withIntermediateDirectories: true)
        defer { rmdir(mount + group) }
        let folder = try TemporaryFolder()
        let programs = try Self.compile("moment", "other", in: folder)
        var outside: Int32 = 0
        let (intervals, metrics) = try profile(samplesPerSecond: 199) { options in
            var pattern = ProcessSelection.Pattern()
            pattern.controlGroups = [try glob(group)]
            options.selection.exclude = [pattern]
        } _: {
            let script = "echo $$ >\(mount)\(group)/cgroup.procs; for i in $(seq 60); do \(programs[0]) 30; done"
            let children = [try ChildProcess(["sh", "-c", script]), try ChildProcess([programs[1], "1000"])]
            outside = children[1].pid
            for child in children { #expect(child.wait() == .code(0)) }
        }
        let samples = intervals.lazy.flatMap(\.samples)
        #expect(samples.filter { $0.pid == outside }.count > 100)
        let sent = intervals.flatMap { interval in
            interval.samples.compactMap { interval.processes[$0.process] }.filter { $0.executablePath == programs[0] }
        }
        #expect(sent.isEmpty, "\(sent)")
        let (inKernel, here) = (metrics["bpf.samples.excluded"] ?? 0, metrics["agent.samples.excluded"] ?? 0)
        #expect(inKernel > 200 && inKernel > here * 5, "\(inKernel) and \(here) of 60 processes of 6 samples each")
    }

    @Test(.enabled(if: try Live.has(requirements)))
    func onlyWhatIsIncludedIsSampled() throws {
        let mount = try groupMount()
        let group = "/otelcol-selection-\(getpid())"
        try FileManager.default.createDirectory(atPath: mount + group, withIntermediateDirectories: true)
        defer { rmdir(mount + group) }
        let folder = try TemporaryFolder()
        let program = try Self.compile("either", in: folder)[0]
        var inside: Int32 = 0
        let (intervals, _) = try profile(samplesPerSecond: 199) { options in
            var pattern = ProcessSelection.Pattern()
            pattern.controlGroups = [try glob(group)]
            options.selection.include = [pattern]
        } _: {
            let script = "echo $$ >\(mount)\(group)/cgroup.procs && exec \(program) 1000"
            let children = [try ChildProcess(["sh", "-c", script]), try ChildProcess([program, "1000"])]
            inside = children[0].pid
            for child in children { #expect(child.wait() == .code(0)) }
        }
        let counts = counts(intervals)
        // Before it moved there, the shell was outside.
        #expect(Set(counts.keys) == [inside])
        #expect(counts[inside]?.samples ?? 0 > 100, "\(counts)")
    }

    @Test(.enabled(if: try Live.has(requirements)))
    func theYoungAreNotSampled() throws {
        let folder = try TemporaryFolder()
        let program = try Self.compile("grows-old", in: folder)[0]
        var pid: Int32 = 0
        var start: UInt64 = 0
        let (intervals, _) = try profile(samplesPerSecond: 199) { options in
            options.minimumProcessAgeNanoseconds = 1_000_000_000
        } _: {
            start = UInt64(Date().timeIntervalSince1970 * 1e9)
            let child = try ChildProcess([program, "2000"])
            pid = child.pid
            #expect(child.wait() == .code(0))
        }
        let times = intervals.flatMap(\.samples).filter { $0.pid == pid }.map(\.timeUnixNanoseconds)
        #expect(times.count > 50)
        // The start is known to 10 ms.
        #expect(try #require(times.min()) > start + 980_000_000)
    }
}
