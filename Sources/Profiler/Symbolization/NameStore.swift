import BinaryReading
import Glibc
import ObjectFiles
import Synchronization

/// Names of addresses, kept on disk from one run of the profiler to the next: a file for each executable and set of files
/// that describe it, found by what these contain, so that another version of a program has names of its own.
///
/// The folder has a budget; what was used longest ago goes first. Each block of a file has a checksum; a file that is
/// damaged is removed, with one line in the log, and its names are looked up again. Reading and writing block: call it
/// from a thread of its own.
public final class NameStore: Sendable {
    public typealias Log = @Sendable (String) -> Void

    /// What names depend on.
    public struct Key: Hashable, Sendable {
        var fileName: String

        public init(_ executable: FileID, files: DebugFiles) {
            // Once a debug file is installed, or another one, names are looked up anew.
            var tag = FNV1a()
            for file in [files.separate, files.supplementary, files.package] {
                tag.add(file?.gnuBuildID()?.bytes ?? [])
                tag.add([file == nil ? 0 : 1])
                withUnsafeBytes(of: (file?.source.size ?? 0).littleEndian) { tag.add($0) }
            }
            fileName = "\(executable.hex)-\(String(tag.value, radix: 16)).names"
        }
    }

    private struct State {
        /// Bytes by file name.
        var sizes: [String: Int] = [:]
        var totalBytes = 0
        var hasToldOfFailure = false
    }

    /// Of one executable: some 20,000 addresses.
    static let fileLimitBytes = 2 << 20
    private static let suffix = ".names"

    private let folder: String
    private let limitBytes: Int
    private let log: Log
    private let state: Mutex<State>

    /// Makes the folder if it is not there.
    /// - Parameter limitBytes: of all files together.
    /// - Returns: nil, with a line in the log, when the folder cannot be made or read.
    public init?(folder: String, limitBytes: Int, log: @escaping Log) {
        guard folder.hasPrefix("/") else {
            log("names are not kept on disk: \(folder) is not an absolute path")
            return nil
        }
        for end in folder.indices.dropFirst() where folder[end] == "/" { mkdir(String(folder[..<end]), 0o755) }
        mkdir(folder, 0o700)
        guard access(folder, R_OK | W_OK | X_OK) == 0, let directory = opendir(folder) else {
            log("names are not kept on disk: \(folder) cannot be used: \(String(cString: strerror(errno)))")
            return nil
        }
        defer { closedir(directory) }
        var state = State()
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            var status = stat()
            guard name.hasSuffix(Self.suffix), lstat("\(folder)/\(name)", &status) == 0,
                status.st_mode & S_IFMT == S_IFREG
            else { continue }
            let size = Int(clamping: status.st_size)
            state.sizes[name] = size
            state.totalBytes += size
        }
        self.folder = folder
        self.limitBytes = max(Self.fileLimitBytes, limitBytes)
        self.log = log
        self.state = Mutex(state)
    }

    /// All files together, in bytes.
    public var sizeBytes: Int { state.withLock { $0.totalBytes } }

    /// The names known of an executable; empty where there are none, or where they were damaged.
    public func load(_ key: Key) -> [UInt64: SymbolizedAddress] {
        guard state.withLock({ $0.sizes[key.fileName] != nil }) else { return [:] }
        let path = "\(folder)/\(key.fileName)"
        do {
            let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
            guard descriptor >= 0 else { throw BinarySourceError(.openFailed(errno: errno)) }
            // It has been used: the oldest go first.
            futimens(descriptor, nil)
            let reader = try FileReader(owning: descriptor)
            guard reader.size <= UInt64(Self.fileLimitBytes) else { throw BinarySourceError(.outOfBounds) }
            return try NameBlocks.read(try reader.read(at: 0, count: Int(reader.size)))
        } catch {
            log("names kept in \(path) are damaged and were removed: \(error)")
            remove(key.fileName)
            return [:]
        }
    }

    /// Adds names. What does not fit is left out.
    public func add(_ names: [(address: UInt64, name: SymbolizedAddress)], to key: Key) {
        guard !names.isEmpty else { return }
        let known = state.withLock { $0.sizes[key.fileName] }
        var bytes = known == nil ? NameBlocks.magic : []
        bytes += NameBlocks.block(names)
        guard (known ?? 0) + bytes.count <= Self.fileLimitBytes else { return }
        let path = "\(folder)/\(key.fileName)"
        let flags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | (known == nil ? O_CREAT | O_EXCL : 0)
        let descriptor = open(path, flags, 0o600)
        guard descriptor >= 0 else { return fail(path) }
        defer { close(descriptor) }
        // At once: half a block is a damaged file, and no lock keeps another profiler out.
        let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        guard written == bytes.count else {
            fail(path)
            return remove(key.fileName)
        }
        let excess = state.withLock { state in
            state.sizes[key.fileName, default: 0] += written
            state.totalBytes += written
            return state.totalBytes > limitBytes
        }
        if excess { makeRoom() }
    }

    private func fail(_ path: String) {
        let reason = String(cString: strerror(errno))
        let isFirst = state.withLock { state in
            defer { state.hasToldOfFailure = true }
            return !state.hasToldOfFailure
        }
        if isFirst { log("names cannot be kept in \(path): \(reason)") }
    }

    private func remove(_ name: String) {
        unlink("\(folder)/\(name)")
        state.withLock { state in
            state.totalBytes -= state.sizes.removeValue(forKey: name) ?? 0
        }
    }

    /// A tenth goes at a time, so that this is rare.
    private func makeRoom() {
        let names = state.withLock { Array($0.sizes.keys) }
        let byAge = names.map { name -> (name: String, time: Int) in
            var status = stat()
            return (name, lstat("\(folder)/\(name)", &status) == 0 ? status.st_mtim.tv_sec : 0)
        }.sorted { ($0.time, $0.name) < ($1.time, $1.name) }
        for file in byAge where state.withLock({ $0.totalBytes > limitBytes / 10 * 9 }) { remove(file.name) }
    }
}

/// Fowler, Noll and Vo's hash, variant 1a of 64 bits: names files, guards nothing.
private struct FNV1a {
    private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func add(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
    }
}
