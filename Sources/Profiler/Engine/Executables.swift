import CBPFInterface
import Glibc
import ObjectFiles
import Processes
import RuntimeSupport
import Symbolization
import Synchronization

/// A file with code, as the engine knows it.
final class Executable: Sendable {
    /// Its number in the kernel's array `executables` and in traces.
    let number: UInt32
    /// Nil when the file could not be opened or is no ELF file: nothing to unwind by but frame pointers.
    let file: ELFFile?
    /// What describes `file` apart from itself, where it is installed.
    private let installedDebugFiles: DebugFiles
    let fetchedDebugFile = FetchedDebugFile()
    /// Whether a debug file from elsewhere would say more of it than what is here.
    let lacksDebugFile: Bool
    let fileID: FileID
    let description: ProfileExecutable
    /// The managed runtime in it.
    let runtime: FoundRuntime?
    /// Nil for files.
    let runTimeCode: RunTimeCode?

    init(number: UInt32, opened: OpenedExecutable) {
        self.number = number
        file = opened.file
        installedDebugFiles = opened.debugFiles
        lacksDebugFile =
            opened.debugFiles.separate == nil && opened.description.gnuBuildID != nil
            && [".gopclntab", ".debug_info", ".zdebug_info"].allSatisfy { opened.file?.section($0) == nil }
        fileID = opened.fileID
        description = opened.description
        runtime = opened.runtime
        runTimeCode = nil
    }

    /// What describes `file` apart from itself.
    var debugFiles: DebugFiles { fetchedDebugFile.files(with: installedDebugFiles) }


    /// Stands for the code that one process makes at run time.
    init(number: UInt32, runTimeCode: RunTimeCode) {
        self.number = number
        file = nil
        installedDebugFiles = DebugFiles()
        lacksDebugFile = false
        fileID = FileID(high: 0, low: 0)
        description = ProfileExecutable(fileName: "", fileID: "")
        runtime = nil
        self.runTimeCode = runTimeCode
    }
}

/// What the opening thread found out about an executable.
struct OpenedExecutable: Sendable {
    /// What makes it the same file for two processes.
    enum Key: Hashable, Sendable {
        case file(FileIdentity)
        case vdso
        /// In no file.
        case runTimeCode(ProcessKey)
        /// Could not be opened: known by its mapping only.
        case unreadable(ExecutableReference)
    }

    var key: Key
    var file: ELFFile?
    var debugFiles = DebugFiles()
    var fileID: FileID
    var description: ProfileExecutable
    var runtime: FoundRuntime?
    /// Why there is no file; for the log.
    var problem: String?
}

/// All executables by their numbers, for the threads that name frames and build tables.
///
/// The reading thread adds and removes; any thread looks up.
final class ExecutableRegistry: Sendable {
    private let executables: Mutex<[Executable?]>

    init(capacity: Int) {
        executables = Mutex([Executable?](repeating: nil, count: capacity))
    }

    subscript(number: UInt32) -> Executable? {
        executables.withLock { Int(number) < $0.count ? $0[Int(number)] : nil }
    }

    func set(_ number: UInt32, _ executable: Executable?) {
        executables.withLock { executables in
            if Int(number) < executables.count { executables[Int(number)] = executable }
        }
    }
}

/// Opens executables and reads their headers and identities: on a thread of its own, because a file system may block.
struct ExecutableOpener: Sendable {
    struct Request: Sendable {
        var reference: ExecutableReference
        var process: ProcessKey
        var mapping: Mapping
    }

    private let proc = ProcFileSystem()

    func open(_ request: Request) -> OpenedExecutable {
        let name = ExecutableOpener.baseName(request.mapping.path)
        if request.reference.kind == .vdso {
            guard let vdso = VDSO.read() else { return unreadable(request, "[vdso]", "no image") }
            return describe(MemorySource(vdso.image), key: .vdso, name: "[vdso]", request)
        }
        do {
            let opened = try proc.openMappedFile(
                of: request.process.pid, thread: request.process.pid, mapping: request.mapping)
            let reader = try FileReader(owning: fcntl(opened.descriptor.rawValue, F_DUPFD_CLOEXEC, 0))
            return describe(reader, key: .file(reader.identity), name: name, request)
        } catch {
            return unreadable(request, name, "\(error)")
        }
    }

    private func describe(
        _ source: any BinarySource, key: OpenedExecutable.Key, name: String, _ request: Request
    ) -> OpenedExecutable {
        let fileID: FileID
        do {
            fileID = try FileID(contentsOf: source)
        } catch {
            return unreadable(request, name, "\(error)")
        }
        var description = ProfileExecutable(fileName: name, fileID: fileID.hex)
        do {
            let file = try ELFFile(source)
            description.gnuBuildID = file.gnuBuildID()?.hex
            description.goBuildID = file.goBuildID()
            let segments = file.executableSegments
            if let first = segments.min(by: { $0.address < $1.address }) {
                description.startAddress = first.address
                description.fileOffset = first.offset
                description.endAddress =
                    segments.map { $0.address.addingReportingOverflow($0.memorySize) }
                    .map { $0.overflow ? .max : $0.partialValue }.max() ?? first.address
            }
            return OpenedExecutable(
                key: key, file: file, debugFiles: debugFiles(of: file, request), fileID: fileID,
                description: description, runtime: FoundRuntime(in: file, path: request.mapping.path))
        } catch {
            // Executable memory of a file that is no ELF file: a code cache, an assembly.
            return OpenedExecutable(key: key, file: nil, fileID: fileID, description: description)
        }
    }

    /// Looked for now and not when a name is wanted: then the process, and its files with it, may be gone.
    private func debugFiles(of file: ELFFile, _ request: Request) -> DebugFiles {
        guard request.mapping.kind == .file else { return DebugFiles() }
        return DebugFileFinder().files(
            for: file, path: request.mapping.path,
            openInProcess: { path in
                let pid = request.process.pid
                let opened = try proc.openFile(inRootOf: pid, thread: pid, path: path)
                return try FileReader(owning: fcntl(opened.descriptor.rawValue, F_DUPFD_CLOEXEC, 0))
            },
            openOnHost: { path in try FileReader(path: path) })
    }

    private func unreadable(_ request: Request, _ name: String, _ problem: String) -> OpenedExecutable {
        // An identity made of what the mapping tells, so that two unreadable files stay two.
        let file = request.reference.file
        let id = FileID(
            high: UInt64(file.deviceMajor) << 32 | UInt64(file.deviceMinor), low: file.inode)
        return OpenedExecutable(
            key: .unreadable(request.reference), file: nil, fileID: id,
            description: ProfileExecutable(fileName: name, fileID: id.hex), problem: problem)
    }

    static func baseName(_ path: String) -> String {
        var name = path[...]
        if name.hasSuffix(" (deleted)") { name = name.dropLast(10) }
        if let slash = name.lastIndex(of: "/") { name = name[name.index(after: slash)...] }
        return name.isEmpty ? "[unnamed]" : String(name)
    }
}
