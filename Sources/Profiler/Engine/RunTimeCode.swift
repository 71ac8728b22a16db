import Glibc
import Processes
import Symbolization
import Synchronization

/// What a process says of code that it makes at run time: in a perf map, or in a jitdump.
///
/// The thread that reads runtimes' memory opens and reads the files; any thread asks for names.
final class RunTimeCode: Sendable {
    private struct Files {
        /// Nil until `prepare`, and when the process was gone by then.
        var root: ProcessRoot?
        var namespacePID: ProcessID
        /// Whose files are believed: the process's user's and root's.
        var owners: Set<UInt32> = [0]
        var isPrepared = false
        var map: GrowingFile?
        var dump: GrowingFile?
    }

    private struct Names {
        var map = PerfMap()
        var dump = JITDump()
    }

    private let pid: ProcessID
    private let files: Mutex<Files>
    /// Apart from `files`, which is locked while a file system may block: the reading thread tells it.
    private let dumpPath = Mutex<String?>(nil)
    private let names = Mutex(Names())
    /// Grows whenever names were added.
    private let additions = Atomic<UInt64>(0)

    /// Of names, of all processes together: anybody may start processes that make up names.
    private static let limitBytes = 64 << 20
    private static let heldBytes = Atomic<Int>(0)
    private let ownBytes = Atomic<Int>(0)

    init(pid: ProcessID) {
        self.pid = pid
        files = Mutex(Files(namespacePID: pid))
    }

    deinit { Self.heldBytes.subtract(ownBytes.load(ordering: .relaxed), ordering: .relaxed) }

    var version: UInt64 { additions.load(ordering: .acquiring) }

    func name(at address: UInt64) -> String? {
        names.withLock { $0.dump.name(at: address) ?? $0.map.name(at: address) }
    }

    /// The path of the mapping by which a runtime tells perf of its jitdump: `…/jit-PID.dump`.
    static func isDump(_ path: String) -> Bool {
        guard let name = path.split(separator: "/").last, name.hasPrefix("jit-"), name.hasSuffix(".dump") else {
            return false
        }
        return name.count > 9 && name.dropFirst(4).dropLast(5).allSatisfy(\.isNumber)
    }

    func setDumpPath(_ path: String) { dumpPath.withLock { $0 = path } }

    // MARK: - Reading

    /// Takes hold of the process's root folder while it lives. Blocks.
    func prepare() {
        files.withLock { files in
            if files.isPrepared { return }
            files.isPrepared = true
            files.root = try? ProcessRoot(of: pid)
            guard let facts = try? ProcFileSystem().facts(of: pid, thread: pid) else { return }
            if let user = facts.userID { files.owners.insert(user) }
            if let inner = facts.namespacePIDs.last { files.namespacePID = inner }
        }
    }

    /// Reads what was added, as long as there is room for it. Blocks. To be called by one thread.
    func refresh() {
        guard Self.heldBytes.load(ordering: .relaxed) < Self.limitBytes else { return }
        let dumpPath = dumpPath.withLock { $0 }
        let (map, dump) = files.withLock { files in
            if let root = files.root {
                // Deleted, perhaps to be replaced: what its path names now is read from its start.
                if files.map?.isGone ?? false { files.map = nil }
                if files.dump?.isGone ?? false { files.dump = nil }
                if files.map == nil {
                    files.map = GrowingFile("/tmp/perf-\(files.namespacePID).map", in: root, ownedBy: files.owners)
                }
                if files.dump == nil, let path = dumpPath {
                    files.dump = GrowingFile(path, in: root, ownedBy: files.owners)
                }
            }
            return (files.map?.readMore() ?? .none, files.dump?.readMore() ?? .none)
        }
        if map.bytes.isEmpty, dump.bytes.isEmpty { return }
        let size = names.withLock { names in
            if map.isStart { names.map = PerfMap() }
            if dump.isStart { names.dump = JITDump() }
            if !map.bytes.isEmpty { names.map.append(map.bytes) }
            if !dump.bytes.isEmpty { names.dump.append(dump.bytes) }
            return names.map.sizeBytes + names.dump.sizeBytes
        }
        Self.heldBytes.add(size - ownBytes.exchange(size, ordering: .relaxed), ordering: .relaxed)
        additions.add(1, ordering: .releasing)
    }
}

/// A file that is read as it grows.
private final class GrowingFile: Sendable {
    /// A process may write faster than anybody wants to read: so many bytes at a time.
    private static let bytesAtATime: Int64 = 4 << 20

    struct Part {
        var bytes: [UInt8]
        /// Whether the file begins with them: what was read of it before does not count.
        var isStart: Bool

        static let none = Part(bytes: [], isStart: false)
    }

    private let descriptor: Int32
    private let offset = Mutex<Int64>(0)

    /// Whether the file has no name any more.
    var isGone: Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_nlink == 0
    }

    /// Nil if the file is not there, or somebody else's.
    init?(_ path: String, in root: ProcessRoot, ownedBy owners: Set<UInt32>) {
        guard let opened = try? root.openFile(path, ownedBy: owners) else { return nil }
        descriptor = fcntl(opened.descriptor.rawValue, F_DUPFD_CLOEXEC, 0)
        if descriptor < 0 { return nil }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// The next bytes; none when there are no more, or they cannot be read. A file that has become shorter is another one.
    func readMore() -> Part {
        offset.withLock { offset in
            var status = stat()
            guard fstat(descriptor, &status) == 0 else { return .none }
            if Int64(status.st_size) < offset { offset = 0 }
            guard Int64(status.st_size) > offset else { return .none }
            let start = offset
            let count = Int(min(Int64(status.st_size) - offset, Self.bytesAtATime))
            let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                filled = max(0, pread(descriptor, buffer.baseAddress, count, off_t(start)))
            }
            offset += Int64(bytes.count)
            return Part(bytes: bytes, isStart: start == 0)
        }
    }
}
