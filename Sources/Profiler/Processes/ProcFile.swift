import Glibc

/// Whole reads of the small text files under `/proc` and `/sys`. They block: call them from a thread of your own.
enum ProcFile {
    /// - Throws: `ProcessReadFailure`; bytes beyond `limitBytes` are left out without an error.
    static func read(_ path: String, limitBytes: Int) throws(ProcessReadFailure) -> [UInt8] {
        var bytes: [UInt8] = []
        try readChunks(path, chunkBytes: min(limitBytes, 16 << 10)) { chunk in
            bytes.append(contentsOf: chunk.prefix(limitBytes &- bytes.count))
            return bytes.count < limitBytes
        }
        return bytes
    }

    /// Hands the file to `body` chunk by chunk until it returns false.
    static func readChunks(
        _ path: String, chunkBytes: Int, _ body: (UnsafeRawBufferPointer) -> Bool
    ) throws(ProcessReadFailure) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw ProcessReadFailure(errno: errno) }
        let file = OwnedFileDescriptor(owning: descriptor)
        var failure: Int32 = 0
        withUnsafeTemporaryAllocation(byteCount: max(chunkBytes, 1), alignment: 16) { buffer in
            while true {
                let count = Glibc.read(file.rawValue, buffer.baseAddress, buffer.count)
                if count < 0, errno == EINTR { continue }
                if count < 0 { failure = errno }
                guard count > 0, body(UnsafeRawBufferPointer(rebasing: buffer[..<count])) else { return }
            }
        }
        if failure != 0 { throw ProcessReadFailure(errno: failure) }
    }

    /// The target of a symbolic link; nil when it cannot be read. At most 16 KiB.
    static func readLink(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 16 << 10)
        let count = readlink(path, &buffer, buffer.count)
        guard count >= 0 else { return nil }
        return String(decoding: buffer.prefix(count).lazy.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// The fields of `/proc/PID/stat` (proc_pid_stat(5)) that the profiler uses.
public struct ProcStat: Sendable, Equatable {
    /// Field 2: the main thread's name.
    public var commandName: String
    /// Field 3.
    public var state: UInt8
    /// Field 4.
    public var parentPID: ProcessID
    /// Field 9 has PF_KTHREAD (`include/linux/sched.h`).
    public var isKernelThread: Bool
    /// Field 20.
    public var threads: Int
    /// Field 22: clock ticks since boot.
    public var startTimeTicks: UInt64

    /// - Parameter text: the file's content.
    /// - Returns: nil when it is not as proc_pid_stat(5) says.
    public init?(parsing text: [UInt8]) {
        // The name stands in parentheses and may itself hold parentheses and spaces: the last one closes it.
        guard let open = text.firstIndex(of: UInt8(ascii: "(")), let close = text.lastIndex(of: UInt8(ascii: ")")),
            open < close
        else { return nil }
        let fields = text[(close + 1)...].split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
        // fields[0] is field 3.
        func field<Number: FixedWidthInteger>(_ number: Int, _: Number.Type) -> Number? {
            fields.count > number - 3 ? Number(String(decoding: fields[number - 3], as: UTF8.self)) : nil
        }
        guard let state = fields.first?.first, let parentPID = field(4, ProcessID.self),
            let flags = field(9, UInt32.self), let threads = field(20, Int.self),
            let startTimeTicks = field(22, UInt64.self)
        else { return nil }
        commandName = String(decoding: text[(open + 1)..<close], as: UTF8.self)
        self.state = state
        self.parentPID = parentPID
        isKernelThread = flags & 0x0020_0000 != 0
        self.threads = threads
        self.startTimeTicks = startTimeTicks
    }
}

/// A `/proc` file system and what can be asked of it. All calls block.
public struct ProcFileSystem: Sendable {
    public var root: String

    public init(root: String = "/proc") {
        self.root = root
    }

    func path(_ pid: ProcessID, _ name: String) -> String { "\(root)/\(pid)/\(name)" }

    public func processStat(of pid: ProcessID) throws(ProcessReadFailure) -> ProcStat {
        let text = try ProcFile.read(path(pid, "stat"), limitBytes: 4096)
        guard let stat = ProcStat(parsing: text) else { throw .other(EINVAL) }
        return stat
    }

    /// Reads the executable mappings of a process. When its main thread has exited, `/proc/PID/maps` is empty, and
    /// those of `thread`, then of any other thread, are taken.
    /// - Throws: `ProcessReadFailure`. A kernel thread gives an empty list.
    public func mappings(
        of pid: ProcessID, thread: ProcessID, limit: Int = 4096
    ) throws(ProcessReadFailure) -> MapsParser {
        let parser = try mappings(path: path(pid, "maps"), limit: limit)
        if parser.lines > 0 { return parser }
        if thread != pid, let parser = try? mappings(path: path(pid, "task/\(thread)/maps"), limit: limit),
            parser.lines > 0
        {
            return parser
        }
        for thread in threads(of: pid).prefix(64) where thread != pid {
            if let parser = try? mappings(path: path(pid, "task/\(thread)/maps"), limit: limit), parser.lines > 0 {
                return parser
            }
        }
        return parser
    }

    /// The threads of a process; empty when it is gone. At most 65,536.
    public func threads(of pid: ProcessID) -> [ProcessID] {
        guard let directory = opendir(path(pid, "task")) else { return [] }
        defer { closedir(directory) }
        var threads: [ProcessID] = []
        while threads.count < 65536, let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let thread = ProcessID(name) { threads.append(thread) }
        }
        return threads
    }

    /// A maps file is made of what the process does: 64 MiB are a million lines, sixteen times the usual most.
    private static let maximumMapsBytes = 64 << 20

    /// The path of the file that a process has mapped at an address, as that process sees it; nil when there is none.
    public func pathOfFile(mappedAt address: UInt64, in pid: ProcessID) -> String? {
        var parser = MapsParser(lookingFor: address)
        var total = 0
        try? ProcFile.readChunks(path(pid, "maps"), chunkBytes: 64 << 10) { chunk in
            parser.consume(chunk)
            total &+= chunk.count
            return total < Self.maximumMapsBytes && parser.wantedPath == nil
        }
        return parser.wantedPath
    }

    private func mappings(path: String, limit: Int) throws(ProcessReadFailure) -> MapsParser {
        var parser = MapsParser(limit: limit)
        var total = 0
        try ProcFile.readChunks(path, chunkBytes: 64 << 10) { chunk in
            parser.consume(chunk)
            total &+= chunk.count
            return total < Self.maximumMapsBytes
        }
        parser.finish()
        return parser
    }
}
