import Collector
import ExporterTestSupport
import Foundation
import LiveSupport
import OTLPTestSupport
import Synchronization
import Testing

@testable import MemoryLimiterProcessor

struct MemoryLimiterTests {
    let log = LogRecorder()

    /// Memory and its relief under the test's control.
    final class Machine: Sendable {
        let used = Mutex<UInt64>(0)
        let reliefs = Mutex(0)
    }

    func limiter(_ machine: Machine, _ change: (inout MemoryLimiterConfiguration) -> Void = { _ in }) -> MemoryLimiter {
        var configuration = MemoryLimiterConfiguration()
        configuration.checkInterval = .seconds(3600)
        configuration.limitMiB = 100
        configuration.spikeLimitMiB = 20
        change(&configuration)
        let limiter = MemoryLimiter(
            configuration: configuration, logger: log.logger, memory: { machine.used.withLock { $0 } },
            total: { (1000 << 20, .machine) }, giveBack: { machine.reliefs.withLock { $0 += 1 } })
        limiter.setLimits(configuration.limits(ofTotal: 1000 << 20))
        return limiter
    }

    @Test func refusesFromTheSoftLimitOn() {
        let machine = Machine()
        let limiter = limiter(machine)
        for (mebibytes, refuses) in [(0, false), (79, false), (80, true), (120, true), (79, false)] as [(UInt64, Bool)]
        {
            machine.used.withLock { $0 = mebibytes << 20 }
            limiter.check()
            #expect(limiter.refuses == refuses, "\(mebibytes)")
        }
        #expect(
            log.messages == [
                "Memory usage is above soft limit. Refusing data.",
                "Memory usage back within limits. Resuming normal operation.",
            ])
    }

    @Test func givesMemoryBackAsOftenAsItMay() {
        let machine = Machine()
        let limiter = limiter(machine) {
            $0.minimumReliefIntervalWhenSoft = .seconds(10)
            $0.minimumReliefIntervalWhenHard = .seconds(1)
        }
        let start = ContinuousClock.now
        func reliefs(_ mebibytes: UInt64, after seconds: Int) -> Int {
            machine.used.withLock { $0 = mebibytes << 20 }
            limiter.check(now: start + .seconds(seconds))
            return machine.reliefs.withLock { $0 }
        }
        #expect(reliefs(50, after: 0) == 0)
        #expect(reliefs(90, after: 1) == 1)
        #expect(reliefs(90, after: 5) == 1)
        #expect(reliefs(110, after: 6) == 2)
        #expect(reliefs(90, after: 12) == 2)
        #expect(reliefs(90, after: 16) == 3)
    }

    @Test(arguments: [
        (100, 0, 0, 0, 100, 80), (100, 30, 0, 0, 100, 70), (0, 0, 50, 0, 500, 400), (0, 0, 50, 10, 500, 400),
        (100, 0, 90, 10, 100, 80),
    ])
    func limits(mebibytes: Int, spike: Int, percentage: Int, spikePercentage: Int, hard: UInt64, soft: UInt64) {
        var configuration = MemoryLimiterConfiguration()
        configuration.limitMiB = mebibytes
        configuration.spikeLimitMiB = spike
        configuration.limitPercentage = percentage
        configuration.spikeLimitPercentage = spikePercentage
        // A total that divides evenly.
        #expect(configuration.limits(ofTotal: 1000 << 20) == MemoryLimits(hardBytes: hard << 20, softBytes: soft << 20))
    }

    @Test func refusesWithAnErrorThatMayPassAndCounts() async throws {
        let machine = Machine()
        let limiter = limiter(machine)
        let metrics = MetricsRegistry()
        let taken = Mutex(0)
        struct End: Consumer {
            let take: @Sendable () -> Void
            func consume(_ telemetry: Telemetry) async throws { take() }
        }
        let next = End { taken.withLock { $0 += 1 } }
        let processor = MemoryLimiterProcessor(
            limiter: limiter, signal: .profiles,
            context: log.context(.processor, type: "memory_limiter", metrics: metrics),
            next: next)
        let batch = Telemetry.profiles(ExampleProfiles.small())
        try await processor.consume(batch)
        machine.used.withLock { $0 = 90 << 20 }
        limiter.check()
        let error = await #expect(throws: MemoryLimitReached.self) { try await processor.consume(batch) }
        #expect(error.map { PermanentError.isPermanent($0) } == false)
        #expect(error?.description == "data refused due to high memory usage")
        let items = Double(batch.itemCount)
        #expect(metrics.value("otelcol_processor_memory_limiter_accepted_profile_samples") == items)
        #expect(metrics.value("otelcol_processor_memory_limiter_refused_profile_samples") == items)
        #expect(taken.withLock { $0 } == 1)
    }

    @Test func watchesByItself() async throws {
        let machine = Machine()
        machine.used.withLock { $0 = 90 << 20 }
        let limiter = limiter(machine) { $0.checkInterval = .milliseconds(1) }
        try limiter.start()
        try limiter.start()
        while !limiter.refuses { try await Task.sleep(for: .milliseconds(1)) }
        limiter.shutdown()
        machine.used.withLock { $0 = 0 }
        while limiter.refuses { try await Task.sleep(for: .milliseconds(1)) }
        limiter.shutdown()
    }
}

struct AvailableMemoryTests {
    func machine(_ files: [String: String]) throws -> (TemporaryFolder, AvailableMemory) {
        let folder = try TemporaryFolder()
        for (path, text) in files {
            let url = URL(fileURLWithPath: folder.path + path)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: url)
        }
        return (folder, AvailableMemory(root: folder.path))
    }

    static let meminfo = "MemTotal:        1000 kB\nMemFree: 5 kB\n"

    @Test(
        arguments: [
            // Version 2: the own cgroup, one above it, none.
            (["/proc/self/cgroup": "0::/a/b\n", "/sys/fs/cgroup/a/b/memory.max": "500\n"], 500, "/sys/fs/cgroup/a/b"),
            (
                [
                    "/proc/self/cgroup": "0::/a/b\n", "/sys/fs/cgroup/a/b/memory.max": "max\n",
                    "/sys/fs/cgroup/a/memory.max": "400\n",
                ],
                400, "/sys/fs/cgroup/a"
            ),
            (["/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/memory.max": "max\n"], 1_024_000, nil),
            // A cgroup namespace: the path leads out of what is mounted.
            (["/proc/self/cgroup": "0::/../x\n", "/sys/fs/cgroup/memory.max": "300\n"], 300, "/sys/fs/cgroup"),
            // Version 1, whose limit for none is a large number.
            (
                [
                    "/proc/self/cgroup": "5:cpu,memory:/m\n4:pids:/m\n",
                    "/sys/fs/cgroup/memory/m/memory.limit_in_bytes": "200\n",
                ],
                200, "/sys/fs/cgroup/memory/m"
            ),
            (
                [
                    "/proc/self/cgroup": "5:memory:/\n",
                    "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
                ],
                1_024_000, nil
            ),
            (["/proc/self/cgroup": "nonsense"], 1_024_000, nil),
        ] as [([String: String], UInt64, String?)])
    func findsTheSmallestLimit(files: [String: String], bytes: UInt64, folder: String?) throws {
        let (temporary, memory) = try machine(files.merging(["/proc/meminfo": Self.meminfo]) { $1 })
        let total = try #require(memory.total())
        #expect(total.bytes == bytes)
        #expect(total.source == folder.map { .cgroup(path: $0) } ?? .machine)
        withExtendedLifetime(temporary) {}
    }

    @Test func saysNothingWhereNothingIsKnown() throws {
        let (temporary, memory) = try machine([:])
        #expect(memory.total() == nil)
        #expect(memory.residentBytes() == nil)
        withExtendedLifetime(temporary) {}
    }

    /// This process's own, against what the kernel says elsewhere.
    @Test func readsThisProcess() throws {
        let bytes = try #require(AvailableMemory().residentBytes())
        #expect(bytes > 1 << 20)
        #expect(try #require(AvailableMemory().total()).bytes > bytes)
    }
}

struct MemoryLimiterConfigurationTests {
    let read = MemoryLimiterProcessorFactory().decode

    @Test func readsEveryKey() {
        let (configuration, errors, _) = decode(
            [
                ("check_interval", .string("1s")), ("limit_mib", .integer(100)), ("spike_limit_mib", .integer(10)),
                ("limit_percentage", .integer(50)), ("spike_limit_percentage", .integer(5)),
                ("min_gc_interval_when_soft_limited", .string("20s")),
                ("min_gc_interval_when_hard_limited", .string("2s")),
                ("max_gc_interval_when_soft_limited", .string("30s")),
                ("max_gc_interval_when_hard_limited", .string("30s")),
            ], with: read)
        #expect(errors.isEmpty)
        #expect(configuration.limitMiB == 100 && configuration.spikeLimitPercentage == 5)
        #expect(configuration.minimumReliefIntervalWhenHard == .seconds(2))
    }

    @Test(
        arguments: [
            (
                [],
                [
                    "'check_interval' must be greater than zero",
                    "'limit_mib' or 'limit_percentage' must be greater than zero",
                ]
            ),
            (
                [("limit_mib", 5), ("spike_limit_mib", 5)],
                ["'check_interval'", "'spike_limit_mib' must be smaller than 'limit_mib'"]
            ),
            (
                [("limit_percentage", 5), ("spike_limit_percentage", 6)],
                ["'check_interval'", "'spike_limit_percentage' must be smaller than 'limit_percentage'"]
            ),
            ([("limit_percentage", 101)], ["'check_interval'", "must be between 0 and 100", "'limit_mib' or"]),
        ] as [([(String, Int64)], [String])])
    func refuses(keys: [(String, Int64)], messages: [String]) {
        let (_, errors, _) = decode(keys.map { ($0.0, .integer($0.1)) }, with: read)
        for message in messages { #expect(errors.contains { $0.contains(message) }, "\(message): \(errors)") }
        #expect(errors.count == messages.count)
    }
}
