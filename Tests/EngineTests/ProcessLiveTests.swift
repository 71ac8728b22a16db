import Engine
import Foundation
import LiveSupport
import Processes
import Synchronization
import Testing

/// What the engine tells of processes that do not make it easy.
@Suite(.serialized) struct ProcessLiveTests {
    static let requirements: [Requirement] = [.root, .bpf, .perfEvents, .tool("gcc")]

    private static func compile(_ source: String, _ name: String, in folder: TemporaryFolder) throws -> String {
        let path = folder.path(of: "\(name).c")
        try Data(source.utf8).write(to: URL(fileURLWithPath: path))
        try Command.runBlocking(
            ["gcc", "-O1", "-fno-optimize-sibling-calls", "-pthread", "-o", folder.path(of: name), path])
        return folder.path(of: name)
    }

    /// `work` takes so many milliseconds of CPU time, however busy the machine is.
    private static let burning = """
        #include <time.h>
        __attribute__((noinline)) void work(int milliseconds) {
            struct timespec start, now;
            volatile unsigned sink = 0;
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
            do {
                for (int i = 0; i < 100000; i++) sink += i;
                clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
            } while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < milliseconds);
        }

        """

    private func profile(
        interval: UInt64, _ body: () throws -> Void
    ) throws -> (intervals: [ProfileInterval], metrics: [String: UInt64]) {
        let intervals = Mutex<[ProfileInterval]>([])
        var options = EngineOptions()
        options.samplesPerSecond = 199
        options.reportIntervalNanoseconds = interval
        options.reportJitter = 0
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

    /// One interval, one pid, two programs: each sample comes with the program that it was taken in.
    @Test(.enabled(if: try Live.has(requirements)))
    func everySampleBelongsToTheProgramItWasTakenIn() throws {
        let folder = try TemporaryFolder()
        let second = try Self.compile(
            Self.burning + "int main(void) { work(400); return 0; }", "second-program", in: folder)
        let first = try Self.compile(
            Self.burning + """
                #include <unistd.h>
                int main(int argc, char **argv) { work(400); execv(argv[1], argv + 1); return 1; }
                """, "first-program", in: folder)
        var pid: Int32 = 0
        let (intervals, _) = try profile(interval: 60_000_000_000) {
            let child = try ChildProcess([first, second])
            pid = child.pid
            #expect(child.wait() == .code(0))
        }
        var counts: [String: Int] = [:]
        for interval in intervals {
            for sample in interval.samples where sample.pid == pid {
                let trace = interval.traces[sample.trace]
                guard trace.frames.contains(where: { interval.frames[$0].functions.contains { $0.name == "work" } })
                else { continue }
                let executables = trace.frames.compactMap { interval.frames[$0].executable }
                    .map { interval.executables[$0].fileName }
                let process = try #require(interval.processes[sample.process])
                let name = (process.executablePath ?? "").split(separator: "/").last.map(String.init) ?? ""
                #expect(executables.contains(name), "\(name) for a stack in \(Set(executables))")
                #expect(process.commandName == String(name.prefix(15)))
                counts[name, default: 0] += 1
            }
        }
        #expect(counts["first-program"] ?? 0 > 20 && counts["second-program"] ?? 0 > 20, "\(counts)")
    }

    /// A process with 60,000 mappings that changes them without end, so that whoever reads them waits for its lock:
    /// others are not affected.
    @Test(.enabled(if: try Live.has(requirements)))
    func aHugeAddressSpaceDelaysNobodyElse() throws {
        let folder = try TemporaryFolder()
        let hog = try Self.compile(
            Self.burning + """
                #include <pthread.h>
                #include <stdio.h>
                #include <sys/mman.h>
                #include <unistd.h>
                static char *region;
                enum { PAGES = 60000 };
                static void *change(void *unused) {
                    for (;;) {
                        mprotect(region, PAGES * 4096L, PROT_READ | PROT_EXEC);
                        for (long page = 0; page < PAGES; page += 2) mprotect(region + page * 4096, 4096, PROT_READ);
                    }
                }
                int main(void) {
                    pthread_t thread;
                    region = mmap(0, PAGES * 4096L, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                    for (long page = 0; page < PAGES; page += 2)
                        if (mprotect(region + page * 4096, 4096, PROT_READ | PROT_EXEC)) return 1;
                    puts("ready");
                    fflush(stdout);
                    pthread_create(&thread, 0, change, 0);
                    work(600000);
                    return 0;
                }
                """, "mapping-hog", in: folder)
        let short = try Self.compile(
            Self.burning + "int main(void) { work(300); return 0; }", "short-lived", in: folder)
        let child = try ChildProcess([hog])
        #expect(try child.readLine() == "ready")
        var pids: [Int32] = []
        let (intervals, metrics) = try profile(interval: 1_000_000_000) {
            for _ in 0..<6 {
                let other = try ChildProcess([short])
                pids.append(other.pid)
                #expect(other.wait() == .code(0))
            }
        }
        child.send(SIGKILL)
        _ = child.wait()
        var complete: [Int32: Int] = [:], incomplete: [String] = []
        var hogSamples = 0
        for interval in intervals {
            for sample in interval.samples {
                if sample.pid == child.pid { hogSamples += 1 }
                guard pids.contains(sample.pid) else { continue }
                let trace = interval.traces[sample.trace]
                let names = trace.frames.flatMap { interval.frames[$0].functions.map(\.name) }
                #expect(interval.processes[sample.process]?.executablePath?.hasSuffix("/short-lived") != nil)
                guard names.contains("work") else { continue }
                if trace.isComplete { complete[sample.pid, default: 0] += 1 } else { incomplete.append("\(names)") }
            }
        }
        #expect(incomplete.isEmpty)
        #expect(complete.count == 6 && complete.values.allSatisfy { $0 > 10 }, "\(complete)")
        #expect(hogSamples > 50)
        #expect(metrics["agent.records.lost"] == 0 && metrics["agent.process_events.lost"] == 0)
    }

    /// What a process publishes about itself names it from then on, also when that comes later than the first samples.
    @Test(.enabled(if: try Live.has(requirements)))
    func aProcessNamesItself() throws {
        let folder = try TemporaryFolder()
        let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let program = folder.path(of: "process_context")
        try Command.runBlocking(["gcc", "-O1", "-o", program, "\(root)/Tests/Live/Programs/process_context.c"])
        // Field 1, a Resource with service.name "cart".
        let payload = "0a180a160a0c736572766963652e6e616d6512060a0463617274"
        var pid: Int32 = 0
        let (intervals, _) = try profile(interval: 500_000_000) {
            let child = try ChildProcess([program, payload, payload])
            pid = child.pid
            #expect(try child.readLine() == "ready")
            usleep(900_000)
            child.send(SIGUSR1)
            #expect(try child.readLine() == "published")
            usleep(3_500_000)
            child.send(SIGKILL)
        }
        var services: [ServiceName] = []
        for interval in intervals {
            for (id, process) in interval.processes where id.pid == pid {
                guard process.executablePath == program else { continue }
                if let service = process.service, services.last != service { services.append(service) }
            }
        }
        #expect(
            services == [
                ServiceName("process_context", source: .executable), ServiceName("cart", source: .processContext),
            ])
    }
}
