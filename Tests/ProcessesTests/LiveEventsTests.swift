import Glibc
import LiveSupport
import Synchronization
import Testing

@testable import Processes

/// C programs for the live tests, compiled once.
enum Program {
    /// Compiles `source`; returns the executable's path in a folder that lives as long as `folder`.
    static func compile(
        _ source: String, named name: String, in folder: TemporaryFolder, flags: [String] = []
    ) throws -> String {
        let sourcePath = folder.path(of: "\(name).c")
        let file = try #require(fopen(sourcePath, "w"))
        fputs(source, file)
        fclose(file)
        try Command.runBlocking(["gcc", "-O1", "-o", folder.path(of: name), sourcePath] + flags)
        return folder.path(of: name)
    }
}

/// Collects side-band events on a thread of its own until what a test looks for has come.
private func collect(
    _ start: @escaping @Sendable () throws -> Void,
    until isDone: @escaping @Sendable ([SideBandRecord]) throws -> Bool
) async throws -> [SideBandRecord] {
    try await onThread {
        let events = try SideBandEvents(cpus: CPUList.online())
        try start()
        var records: [SideBandRecord] = []
        for _ in 0..<1000 {
            events.wait(timeoutNanoseconds: 10_000_000)
            records += events.drain()
            if try isDone(records) { break }
        }
        #expect(events.malformedRecords == 0)
        return records + events.drain(isFinal: true)
    }
}

@Suite(.serialized) struct LiveEventsTests {
    @Test(.enabled(if: try Live.has(.root, .perfEvents, .tool("sh"))))
    func anExecIsSeenWithItsMappingsAndItsEnd() async throws {
        let child = Box<ChildProcess>()
        let records = try await collect {
            child.value = try ChildProcess(["sh", "-c", "exec true"])
        } until: { records in
            guard let pid = child.value?.pid else { return false }
            return records.contains { $0.event == .exit(pid: pid, tid: pid) }
        }
        let pid = try #require(child.value?.pid)
        let names = records.compactMap { record -> String? in
            if case .commandName(pid, pid, let name, true) = record.event { name } else { nil }
        }
        #expect(names == ["sh", "true"])
        #expect(records.contains { if case .fork(pid, _, getpid()) = $0.event { true } else { false } })
        var table = ProcessTable()
        for record in records {
            if record.event == .exit(pid: pid, tid: pid) { break }
            table.apply(record)
        }
        let mappings = try #require(table.mappings(of: pid))
        let paths = mappings.map(\.path)
        #expect(paths.contains { $0.hasSuffix("/true") } && !paths.contains { $0.hasSuffix("/dash") })
        #expect(paths.contains { $0.hasSuffix("/libc.so.6") } && paths.contains("[vdso]"))
        #expect(table.key(of: pid).flatMap { table.facts(of: $0) }?.executablePath?.hasSuffix("/true") == true)
    }

    /// Events alone lead to what /proc/PID/maps says, also after dlopen, unmapping aside.
    @Test(.enabled(if: try Live.has(.root, .perfEvents, .tool("gcc"))))
    func eventsAgreeWithTheMapsFileAfterDlopen() async throws {
        let folder = try TemporaryFolder()
        let library = try Program.compile(
            "int answer(void) { return 42; }", named: "library.so", in: folder, flags: ["-shared", "-fPIC"])
        let program = try Program.compile(
            """
            #include <dlfcn.h>
            #include <stdio.h>
            #include <unistd.h>
            #include <sys/mman.h>
            int main(int argc, char **argv) {
                if (!dlopen(argv[1], RTLD_NOW)) return 1;
                char *code = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                mprotect(code + 4096, 4096, PROT_READ | PROT_EXEC);
                puts("ready");
                fflush(stdout);
                pause();
            }
            """, named: "opener", in: folder)
        let child = Box<ChildProcess>()
        let records = try await collect {
            let started = try ChildProcess([program, library])
            child.value = started
            #expect(try started.readLine() == "ready")
        } until: { records in
            records.contains {
                if case .mapping(child.value?.pid ?? 0, _, let mapping) = $0.event { mapping.path == library } else { false }
            }
        }
        let pid = try #require(child.value?.pid)
        var table = ProcessTable()
        records.forEach { table.apply($0) }
        let maps = try ProcFileSystem().mappings(of: pid, thread: pid).mappings
        let seen = try #require(table.mappings(of: pid))
        #expect(seen == maps)
        #expect(maps.contains { $0.path == library } && maps.contains { $0.kind == .anonymous })
    }

    @Test(.enabled(if: try Live.has(.root, .perfEvents, .tool("gcc"))))
    func aThousandForksAreAllSeen() async throws {
        let folder = try TemporaryFolder()
        let program = try Program.compile(
            """
            #include <sys/wait.h>
            #include <unistd.h>
            int main(void) {
                for (int i = 0; i < 1000; i++) {
                    pid_t pid = fork();
                    if (pid == 0) _exit(0);
                    waitpid(pid, 0, 0);
                }
            }
            """, named: "forker", in: folder)
        let child = Box<ChildProcess>()
        let records = try await collect {
            child.value = try ChildProcess([program])
        } until: { records in
            guard let pid = child.value?.pid else { return false }
            return records.contains { $0.event == .exit(pid: pid, tid: pid) }
        }
        let pid = try #require(child.value?.pid)
        let lost = records.reduce(UInt64(0)) { sum, record in
            if case .lost(let count) = record.event { sum + count } else { sum }
        }
        var table = ProcessTable()
        var forks = 0
        for record in records {
            if case .fork(let newPID, _, pid) = record.event, newPID != pid { forks += 1 }
            table.apply(record)
        }
        #expect(lost > 0 || forks == 1000)
        #expect(table.counters.lostEvents == lost)
        #expect(zip(records, records.dropFirst()).allSatisfy { $0.timeNanoseconds <= $1.timeNanoseconds })
        // All have ended, so after the grace nothing of them is left.
        let end = records.map(\.timeNanoseconds).max() ?? 0
        _ = table.takeActions(now: end + 10_000_000_000)
        if lost == 0 { #expect(table.key(of: pid) == nil) }
    }

    /// A ring of one page overflows while nobody reads; that must be told.
    @Test(.enabled(if: try Live.has(.root, .perfEvents, .tool("sh"))))
    func overflowIsReported() async throws {
        let lost = try await onThread {
            let events = try SideBandEvents(cpus: CPUList.online(), pagesPerCPU: 1)
            try Command.runBlocking(["sh", "-c", "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do /bin/true; done"])
            var records = events.drain()
            // The kernel writes the loss with the next event that finds room.
            try Command.runBlocking(["true"])
            try Command.runBlocking(["sh", "-c", "/bin/true; /bin/true; /bin/true"])
            records += events.drain(isFinal: true)
            return records.contains { if case .lost = $0.event { true } else { false } }
        }
        #expect(lost)
    }

    @Test(.enabled(if: try Live.has(.root, .perfEvents)))
    func CPUsComeAndGo() async throws {
        try await onThread {
            let online = try CPUList.online()
            let events = try SideBandEvents(cpus: online)
            #expect(events.cpus == online)
            #expect(events.followCPUs(online: Array(online.dropLast())) == .init())
            #expect(events.cpus == Array(online.dropLast()))
            let changes = events.followCPUs(online: online + [9999])
            #expect(changes.started == Array(online.suffix(1)))
            #expect(changes.failures.map(\.cpu) == [9999])
            #expect(events.cpus.sorted() == online)
            // Events that go on counting are left alone.
            #expect(events.followCPUs(online: online) == .init())
            // What happened on the CPU before it was watched is not known.
            let lost = events.drain(isFinal: true).contains { if case .lost = $0.event { true } else { false } }
            #expect(lost)
        }
    }

    /// The whole of it: a program that nobody knew is sampled, published, opens a library, and ends.
    @Test(.enabled(if: try Live.has(.root, .perfEvents, .tool("python3"))))
    func theMonitorFollowsAProcess() async throws {
        try await onThread {
            let child = try ChildProcess(
                ["python3", "-c", "print('ready', flush=True); import time; time.sleep(0.4); import ctypes, sqlite3, time; time.sleep(0.4)"])
            #expect(try child.readLine() == "ready")
            let monitor = try ProcessMonitor()
            let inspector = ProcessInspector(environmentVariables: ["PATH"])
            var answers: [(thread: Int, answer: ProcessAnswer)] = []
            var facts: ProcessFacts?
            monitor.sampled(pid: child.pid, tid: child.pid, timeNanoseconds: monotonicNanoseconds())
            var lists: [[Mapping]] = []
            var acquired: Set<ExecutableReference> = []
            var retracted = false
            for _ in 0..<1000 where !retracted {
                let actions = monitor.poll(answers: answers)
                answers = monitor.takeQuestions().map { ($0.thread, inspector.answer($0.question)) }
                for action in actions {
                    switch action {
                    case .publish(let key, let mappings) where key.pid == child.pid: lists.append(mappings)
                    case .retract(let key) where key.pid == child.pid: retracted = true
                    case .acquire(let reference, _, _): acquired.insert(reference)
                    default: break
                    }
                }
                if lists.count == 1, let life = monitor.life(of: child.pid, at: monotonicNanoseconds()) {
                    monitor.wantFacts(of: life, thread: child.pid)
                    if !monitor.isWaitingForFacts { facts = monitor.facts(of: life) }
                }
                monitor.wait(timeoutNanoseconds: 20_000_000)
                if lists.count > 1 { child.wait() }
            }
            #expect(lists.first?.contains { $0.path.contains("_ctypes") } == false)
            #expect(lists.last?.contains { $0.path.contains("_ctypes") } == true)
            #expect(facts?.executableName?.hasPrefix("python3") == true)
            #expect(facts?.environment.first?.name == "PATH")
            #expect(monitor.overdueQuestions == 0)
            #expect(retracted && monitor.table.key(of: child.pid) == nil)
            #expect(acquired.isSuperset(of: lists.joined().compactMap(\.executable)))
            #expect(monitor.malformedRecords == 0 && monitor.malformedLines == 0)
        }
    }
}

/// Hands a value from the closure that starts a process to the test; used by one thread after the other.
final class Box<Value: Sendable>: Sendable {
    private let stored = Mutex<Value?>(nil)
    var value: Value? {
        get { stored.withLock { $0 } }
        set { stored.withLock { $0 = newValue } }
    }
}
