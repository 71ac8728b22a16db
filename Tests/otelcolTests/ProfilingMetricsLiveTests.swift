import Foundation
import LiveSupport
import OTLP
import OTLPTestSupport
import Testing

/// Programs that do one thing each, seen through the whole pipeline: profiler, connector, OTLP/HTTP, and a receiver
/// made of Python's own packages. What the metrics say must agree with what the programs do and with how the kernel
/// accounts their time.
struct ProfilingMetricsLiveTests {
    struct Activity: Sendable {
        var name: String
        /// `kernel_area` of most kernel samples, and the values of `kernel_io` and the system calls that must be seen;
        /// nil: runs in user mode.
        var area: String?
        var directions: Set<String> = []
        var systemCalls: Set<String> = []
        /// Others that are no surprise.
        var mayBeSeen: Set<String> = []
    }

    static let activities = [
        Activity(name: "user", area: nil),
        Activity(name: "tcp", area: "network", directions: ["read", "write"], systemCalls: ["read", "write"]),
        Activity(name: "pipe", area: "ipc", directions: ["read", "write"], systemCalls: ["read", "write"]),
        Activity(name: "file", area: "disk", directions: ["read"], systemCalls: ["pread64"]),
        Activity(name: "futex", area: "synchronization", systemCalls: ["futex"]),
        // Kernels leave mmap's own entry function out of their stacks where it ends in a tail call.
        Activity(name: "mmap", area: "memory", systemCalls: ["munmap"], mayBeSeen: ["mmap", "mmap_pgoff"]),
        Activity(name: "fault", area: "memory", systemCalls: ["madvise"]),
    ]

    /// A program in another language, and what its user samples are.
    struct Language: Sendable {
        var name: String
        /// What `Counts.userCode` calls the samples that the runtime must be known for.
        var metric: String
        /// Shares by what `Counts.userCode` calls them, and how far they may be off.
        var shares: [String: Double]
    }

    static let python = Language(
        name: "python", metric: "cpython", shares: ["cpython": 0.5, "native libcrypto": 0.5])
    static let go = Language(name: "go", metric: "go", shares: ["go": 1])

    /// What was counted for one process.
    struct Counts {
        var user: Int64 = 0
        /// User samples by the name of the metric that has them, and for native ones by library.
        var userCode: [String: Int64] = [:]
        var kernel: Int64 = 0
        var areas: [String: Int64] = [:]
        var directions: Set<String> = []
        var systemCalls: [String: Int64] = [:]
    }

    @Test(
        .enabled(
            if: try Live.has(.root, .bpf, .perfEvents, .tool("gcc"), .path("/usr/bin/python3"))
                && PythonPeer.isAvailable()))
    func metricsAgreeWithWhatProgramsDo() async throws {
        let folder = try TemporaryFolder()
        let program = folder.path(of: "activities")
        let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../Live/Programs/activities.c").standardizedFileURL.path
        try await Command.run(["gcc", "-O2", "-pthread", source, "-o", program])
        let peer = try await PythonPeer()
        async let events = peer.remainingEvents()
        let configuration = """
            receivers: { profiling: { samples_per_second: 199 } }
            connectors: { profilingmetrics: { flush_interval: 3s } }
            exporters: { otlp_http: { endpoint: "http://127.0.0.1:\(peer.httpPort)" } }
            service:
              telemetry: { metrics: { level: none } }
              pipelines:
                profiles: { receivers: [ profiling ], exporters: [ profilingmetrics ] }
                metrics: { receivers: [ profilingmetrics ], exporters: [ otlp_http ] }
            """
        try Data(configuration.utf8).write(to: URL(fileURLWithPath: folder.path(of: "otel.yml")))
        let bundle = try #require(ProcessInfo.processInfo.arguments.first { $0.hasSuffix(".xctest") })
        let otelcol = URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent("otelcol").path
        let collector = try ChildProcess(
            [otelcol, "--config", folder.path(of: "otel.yml"), "--feature-gates=service.profilesSupport"])
        // Their runtimes are inspected while the machine still has time for it.
        let languages = try await Self.start(in: folder)
        // The first intervals are over: the profiler runs.
        try await Task.sleep(for: .seconds(4))
        var children: [pid_t: (activity: Activity, process: ChildProcess)] = [:]
        for activity in Self.activities {
            let child = try ChildProcess([program, activity.name, folder.path(of: "")])
            children[child.pid] = (activity, child)
        }
        try await Task.sleep(for: .seconds(16))
        let times = try children.keys.reduce(into: [:]) { $0[$1] = try Self.accountedShareOfUserTime(pid: $1) }
        for child in children.values { child.process.send(SIGKILL) }
        for program in languages { program.process.send(SIGKILL) }
        try await Task.sleep(for: .seconds(1))
        collector.send(SIGTERM)
        #expect(try await onThread { collector.wait() } == .code(0))

        peer.end()
        let received = try await events
        let counts = Self.counts(of: received)
        for (pid, child) in children {
            let name = child.activity.name
            let seen = try #require(counts[Int64(pid)], "no metrics of \(name)")
            let total = Double(seen.user + seen.kernel)
            #expect(total >= 100, "\(name): \(total) samples")
            // Three standard deviations of a share of so many samples, and what the two clocks may differ: that of
            // samples waits while interrupts are off and then hits kernel code, the more the busier the machine is
            // (0.14 was seen with a load of ten for each CPU); that of accounting counts ticks.
            let share = Double(seen.user) / total
            let accounted = try #require(times[pid])
            let tolerance = 3 * (max(accounted * (1 - accounted), 0.01) / total).squareRoot() + 0.15
            #expect(abs(share - accounted) <= tolerance, "\(name): user \(share), accounted \(accounted)")
            guard let area = child.activity.area else { continue }
            let classified = seen.areas.values.reduce(0, +)
            #expect(seen.areas[area, default: 0] * 10 >= classified * 8, "\(name): \(seen.areas)")
            #expect(Double(classified) >= 0.5 * Double(seen.kernel), "\(name): \(seen.areas) of \(seen.kernel)")
            #expect(seen.directions.isSuperset(of: child.activity.directions), "\(name): \(seen.directions)")
            let expected = seen.systemCalls.filter { child.activity.systemCalls.contains($0.key) }
            #expect(Set(expected.keys) == child.activity.systemCalls, "\(name): \(seen.systemCalls)")
            let calls = seen.systemCalls.values.reduce(0, +)
            let allowed = child.activity.systemCalls.union(child.activity.mayBeSeen)
            let known = seen.systemCalls.filter { allowed.contains($0.key) }.values.reduce(0, +)
            #expect(known * 100 >= calls * 90, "\(name): \(seen.systemCalls)")
        }
        for program in languages {
            let name = program.language.name
            // Samples from before the runtime was inspected lack its frames and say nothing about shares: from the
            // message on that follows the first with such frames.
            let pid = Int64(program.process.pid)
            let first = try #require(
                received.firstIndex { Self.counts(of: [$0])[pid]?.userCode[program.language.metric] != nil },
                "no metrics of \(name)")
            let seen = try #require(Self.counts(of: Array(received[(first + 1)...]))[pid], "no metrics of \(name)")
            #expect(seen.user >= 100, "\(name): \(seen.user) samples")
            for (code, expected) in program.language.shares {
                let share = Double(seen.userCode[code, default: 0]) / Double(max(1, seen.user))
                let tolerance = 3 * (0.25 / Double(max(1, seen.user))).squareRoot() + 0.05
                #expect(abs(share - expected) <= tolerance, "\(name): \(code) \(share) of \(seen.userCode)")
            }
        }
    }

    /// Starts the programs in other languages whose tools are there.
    private static func start(
        in folder: TemporaryFolder
    ) async throws -> [(language: Language, process: ChildProcess)] {
        let programs = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../Live/Programs").standardizedFileURL.path
        var started = [(language: python, process: try ChildProcess(["/usr/bin/python3", "\(programs)/python/halves.py"]))]
        if let tool = GoToolChain.all.last {
            let program = folder.path(of: "halves")
            let settings = ["GOFLAGS=", "GOTOOLCHAIN=local", "GO111MODULE=off", "CGO_ENABLED=0"]
            try await Command.run(
                ["env"] + settings + [tool, "build", "-o", program, "\(programs)/go/halves.go"])
            started.append((language: go, process: try ChildProcess([program])))
        }
        return started
    }

    /// utime and stime, fields 14 and 15 of /proc/PID/stat (proc(5)).
    private static func accountedShareOfUserTime(pid: pid_t) throws -> Double {
        let text = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
        let fields = text.drop { $0 != ")" }.split(separator: " ")
        guard fields.count > 12, let user = Double(fields[12]), let system = Double(fields[13]) else { return 0 }
        return user / max(1, user + system)
    }

    private static func counts(of events: [PythonPeer.Event]) -> [Int64: Counts] {
        var counts: [Int64: Counts] = [:]
        for event in events where event.signal == "metrics" {
            guard let message = event.message, let request = try? OTLPExportMetricsRequest(serializedBytes: message)
            else { continue }
            for resource in request.resourceMetrics {
                let pid = resource.resource.attributes.first { $0.key == "process.pid" }?.value.intValue ?? 0
                for metric in resource.scopeMetrics.flatMap(\.metrics) {
                    for point in metric.sum.dataPoints {
                        add(point, of: metric.name, to: &counts[pid, default: Counts()])
                    }
                }
            }
        }
        return counts
    }

    private static func add(_ point: OTLPNumberDataPoint, of metric: String, to counts: inout Counts) {
        switch metric {
        case "samples.user.count": counts.user += point.asInt
        case "samples.cpython.count": counts.userCode["cpython", default: 0] += point.asInt
        case "samples.go.count": counts.userCode["go", default: 0] += point.asInt
        case "samples.native.count":
            let library = point.attributes.first { $0.key == "shlib_name" }?.value.stringValue ?? ""
            counts.userCode["native \(library.prefix { $0 != "." })", default: 0] += point.asInt
        default: break
        }
        guard metric == "samples.kernel.count" else { return }
        counts.kernel += point.asInt
        for attribute in point.attributes {
            let value = attribute.value.stringValue
            switch attribute.key {
            case "kernel_area": counts.areas[value, default: 0] += point.asInt
            case "kernel_io": counts.directions.insert(value)
            case "syscall_name": counts.systemCalls[value, default: 0] += point.asInt
            default: break
            }
        }
    }
}
