import Glibc
import LiveSupport
import Testing

@testable import Processes

private let waitingProgram = """
    #include <stdio.h>
    #include <unistd.h>
    int main(void) { puts("ready"); fflush(stdout); for (;;) pause(); }
    """

/// Starts a program and waits for its first line.
private func start(_ arguments: [String]) throws -> ChildProcess {
    let child = try ChildProcess(arguments)
    try #require(try child.readLine() == "ready")
    return child
}

private func contents(of path: String) throws -> [UInt8] { try ProcFile.read(path, limitBytes: 16 << 20) }

private func contents(of file: borrowing OpenedFile) throws -> [UInt8] {
    try contents(of: "/proc/self/fd/\(file.descriptor.rawValue)")
}

private func inode(of path: String) -> UInt64 {
    var status = stat()
    return stat(path, &status) == 0 ? UInt64(status.st_ino) : 0
}

/// A `/proc` that has only some of a process's entries, as a profiler with fewer capabilities sees it.
private func partialProc(_ pid: ProcessID, _ names: [String], in folder: TemporaryFolder) throws -> ProcFileSystem {
    let root = folder.path(of: "proc-\(names.count)")
    try Command.runBlocking(["mkdir", "-p", "\(root)/\(pid)"])
    for name in names { try #require(symlink("/proc/\(pid)/\(name)", "\(root)/\(pid)/\(name)") == 0) }
    return ProcFileSystem(root: root)
}

private func programMapping(
    _ pid: ProcessID, thread: ProcessID? = nil, named name: String
) throws -> Mapping {
    let maps = try ProcFileSystem().mappings(of: pid, thread: thread ?? pid)
    return try #require(maps.mappings.first { $0.kind == .file && $0.path.hasSuffix("/\(name)") })
}

struct LiveFilesTests {
    let proc = ProcFileSystem()

    @Test(.enabled(if: try Live.has(.root, .tool("gcc"))))
    func aDeletedFileIsOpenedThroughItsMapping() async throws {
        try await onThread {
            let folder = try TemporaryFolder()
            let program = try Program.compile(waitingProgram, named: "deleted", in: folder)
            let (original, number) = (try contents(of: program), inode(of: program))
            let child = try start([program])
            try #require(unlink(program) == 0)
            let mapping = try programMapping(child.pid, named: "deleted")
            #expect(mapping.path == program)
            let file = try proc.openMappedFile(of: child.pid, thread: child.pid, mapping: mapping)
            #expect(file.source == .mapFiles && file.identity.inode == number)
            #expect(file.identity.sizeBytes == UInt64(original.count))
            #expect(try contents(of: file) == original)
            let limited = try partialProc(child.pid, ["root", "maps"], in: folder)
            #expect(throws: MappedFileError.gone) {
                _ = try limited.openMappedFile(of: child.pid, thread: child.pid, mapping: mapping)
            }
        }
    }

    @Test(.enabled(if: try Live.has(.root, .tool("gcc"))))
    func aReplacedFileIsNotTakenForTheMappedOne() async throws {
        try await onThread {
            let folder = try TemporaryFolder()
            let program = try Program.compile(waitingProgram, named: "replaced", in: folder)
            let original = try contents(of: program)
            let child = try start([program])
            let mapping = try programMapping(child.pid, named: "replaced")
            let limited = try partialProc(child.pid, ["root", "maps"], in: folder)
            do {
                let file = try limited.openMappedFile(of: child.pid, thread: child.pid, mapping: mapping)
                #expect(file.source == .processRoot)
                #expect(try contents(of: file) == original)
            }
            try Command.runBlocking(["sh", "-c", "echo other > \(program).new && mv \(program).new \(program)"])
            #expect(throws: MappedFileError.replaced) {
                _ = try limited.openMappedFile(of: child.pid, thread: child.pid, mapping: mapping)
            }
            let file = try proc.openMappedFile(of: child.pid, thread: child.pid, mapping: mapping)
            #expect(file.source == .mapFiles)
            #expect(try contents(of: file) == original)
        }
    }

    /// A mapping as events told it may since have been split: map_files then has other names.
    @Test(.enabled(if: try Live.has(.root, .tool("gcc"))))
    func aSplitMappingIsFoundAgain() async throws {
        try await onThread {
            let folder = try TemporaryFolder()
            let program = try Program.compile(waitingProgram, named: "split", in: folder)
            let child = try start([program])
            var mapping = try programMapping(child.pid, named: "split")
            mapping.end += 0x10000
            let file = try proc.openMappedFile(of: child.pid, thread: child.pid, mapping: mapping)
            #expect(file.source == .mapFiles && file.identity.inode == mapping.file.inode)
            mapping.kind = .anonymous
            #expect(throws: MappedFileError.notAFile) {
                _ = try proc.openMappedFile(of: child.pid, thread: child.pid, mapping: mapping)
            }
        }
    }

    @Test(.enabled(if: try Live.has(.root, .tool("gcc"), .tool("unshare"))))
    func aFileOfAnotherMountNamespaceIsOpened() async throws {
        try await onThread {
            let folder = try TemporaryFolder()
            let program = try Program.compile(waitingProgram, named: "hidden", in: folder)
            let original = try contents(of: program)
            let inside = folder.path(of: "inside")
            let child = try start([
                "unshare", "-m", "sh", "-c",
                "mkdir \(inside) && mount -t tmpfs none \(inside) && cp \(program) \(inside)/ && exec \(inside)/hidden",
            ])
            var mapping = try programMapping(child.pid, named: "hidden")
            #expect(access("\(inside)/hidden", F_OK) != 0)
            do {
                let file = try proc.openMappedFile(of: child.pid, thread: child.pid, mapping: mapping)
                #expect(file.source == .mapFiles)
                #expect(try contents(of: file) == original)
            }
            // From outside the mount the kernel gives the path from the mount's own root; events give it as the process
            // sees it.
            mapping.path = "\(inside)/hidden"
            let limited = try partialProc(child.pid, ["root", "maps"], in: folder)
            do {
                let file = try limited.openMappedFile(of: child.pid, thread: child.pid, mapping: mapping)
                #expect(file.source == .processRoot)
                #expect(try contents(of: file) == original)
            }
            #expect(throws: MappedFileError.gone) {
                _ = try ProcFileSystem(root: folder.path).openMappedFile(of: 1, thread: 1, mapping: mapping)
            }
            let other = try proc.openFile(inRootOf: child.pid, thread: child.pid, path: "\(inside)/hidden")
            #expect(try contents(of: other) == original)
        }
    }

    @Test(.enabled(if: try Live.has(.root, .tool("gcc"))))
    func theFileOfADeadProcessIsFoundOnTheHost() async throws {
        try await onThread {
            let folder = try TemporaryFolder()
            let program = try Program.compile(waitingProgram, named: "dead", in: folder)
            let child = try start([program])
            let mapping = try programMapping(child.pid, named: "dead")
            child.send(SIGKILL)
            child.wait()
            let file = try proc.openMappedFile(of: child.pid, thread: child.pid, mapping: mapping)
            #expect(file.source == .hostPath && file.identity.inode == inode(of: program))
        }
    }

    @Test(.enabled(if: try Live.has(.root, .tool("gcc"))))
    func aProcessWithoutMainThreadIsReadThroughItsOthers() async throws {
        try await onThread {
            let folder = try TemporaryFolder()
            let program = try Program.compile(
                """
                #include <pthread.h>
                #include <stdio.h>
                #include <unistd.h>
                static pthread_t main_thread;
                static void *work(void *argument) {
                    pthread_join(main_thread, 0);
                    puts("ready");
                    fflush(stdout);
                    for (;;) pause();
                }
                int main(void) {
                    pthread_t thread;
                    main_thread = pthread_self();
                    pthread_create(&thread, 0, work, 0);
                    pthread_exit(0);
                }
                """, named: "headless", in: folder, flags: ["-pthread"])
            let child = try start([program])
            #expect(try proc.processStat(of: child.pid).threads == 2)
            let thread = try #require(proc.threads(of: child.pid).first { $0 != child.pid })
            // With the thread that was sampled, and without knowing any.
            for thread in [thread, child.pid] {
                let maps = try proc.mappings(of: child.pid, thread: thread)
                #expect(maps.mappings.contains { $0.path == program })
            }
            let mapping = try programMapping(child.pid, thread: thread, named: "headless")
            let file = try proc.openMappedFile(of: child.pid, thread: thread, mapping: mapping)
            #expect(file.identity.inode == inode(of: program))
            let facts = try proc.facts(of: child.pid, thread: child.pid, environmentVariables: ["PATH"])
            #expect(facts.executablePath == program && facts.environment.count == 1 && facts.cgroupPath != nil)
        }
    }

    @Test(.enabled(if: try Live.has(.root)))
    func kernelThreadsAreTold() throws {
        // kthreadd, in the initial pid namespace.
        guard let facts = try? proc.facts(of: 2, thread: 2), facts.commandName == "kthreadd" else { return }
        #expect(facts.isKernelThread && facts.executablePath == nil)
        #expect(try proc.mappings(of: 2, thread: 2).mappings.isEmpty)
    }

    /// Both ways of staying inside a root: openat2 and one component at a time.
    @Test(arguments: [
        ("/file", "inner"), ("/link", "inner"), ("/absolute", "inner"), ("/../../../file", "inner"),
        ("/folder/up", "inner"), ("/climb/file", "inner"), ("/folder/./../file", "inner"), ("/passwd", nil),
        ("/climbing-passwd", nil), ("/missing", nil), ("/loop", nil), ("/", nil), ("/folder", nil), ("/pipe", nil),
        ("/file/x", nil), ("relative", nil), ("/nul\0file", nil), ("/null-device", nil),
    ] as [(String, String?)])
    func pathsStayInsideTheirRoot(path: String, content: String?) throws {
        let folder = try TemporaryFolder()
        let root = folder.path(of: "root")
        try Command.runBlocking([
            "sh", "-c",
            """
            set -e; mkdir -p \(root)/folder; cd \(root); printf inner > file; ln -s file link; ln -s /file absolute
            ln -s ../file folder/up; ln -s ../../../../.. climb; ln -s /etc/passwd passwd
            ln -s ../../../../../../../etc/passwd climbing-passwd; ln -s loop loop; mkfifo pipe
            ln -s /dev/null null-device
            """,
        ])
        func read(_ file: consuming OwnedFileDescriptor) throws -> String {
            let opened = try ProcFileSystem.reopen(file, source: .processRoot) { _ in true }
            return String(decoding: try contents(of: opened), as: UTF8.self)
        }
        let byKernel = try? read(proc.openInRoot(root, path))
        #expect(byKernel == content)
        guard path.hasPrefix("/"), !path.utf8.contains(0) else { return }
        let descriptor = open(root, openPathOnly | O_DIRECTORY | O_CLOEXEC)
        try #require(descriptor >= 0)
        let stepwise = try? read(ProcFileSystem.openInRootStepwise(OwnedFileDescriptor(owning: descriptor), path))
        #expect(stepwise == content)
    }
}
