import CBPFInterface

/// A process or thread id, in the pid namespace that the profiler was started in.
public typealias ProcessID = Int32

/// One life of one process: a new key after `execve` and when the kernel reuses a pid, so that an answer about an
/// older life is never taken for the present one.
public struct ProcessKey: Hashable, Sendable {
    public var pid: ProcessID
    /// Never reused while the profiler runs.
    public var generation: UInt64

    public init(pid: ProcessID, generation: UInt64) {
        self.pid = pid
        self.generation = generation
    }
}

/// The file behind a mapping, as the kernel names it in `/proc/PID/maps` and in mmap events.
///
/// On overlayfs and btrfs the device number can differ from what `stat` says about the same file; only files opened
/// through `MappedFileOpener` have a dependable identity.
public struct MappedFileIdentity: Hashable, Sendable {
    public var deviceMajor: UInt32
    public var deviceMinor: UInt32
    public var inode: UInt64

    public init(deviceMajor: UInt32, deviceMinor: UInt32, inode: UInt64) {
        self.deviceMajor = deviceMajor
        self.deviceMinor = deviceMinor
        self.inode = inode
    }

    /// The identity of the vDSO, one for the whole host, and of anonymous memory: no file has inode 0.
    public static let none = MappedFileIdentity(deviceMajor: 0, deviceMinor: 0, inode: 0)
}

public enum MappingKind: UInt8, Sendable, Hashable {
    case file
    /// The kernel's own shared object, mapped into every process.
    case vdso
    /// Executable memory without a file: code made at run time.
    case anonymous

    /// `enum mapping_kind` of `abi.h`.
    public var abiValue: UInt8 {
        switch self {
        case .file: UInt8(MAPPING_FILE.rawValue)
        case .vdso: UInt8(MAPPING_VDSO.rawValue)
        case .anonymous: UInt8(MAPPING_ANONYMOUS.rawValue)
        }
    }
}

/// An executable range of a process's address space.
public struct Mapping: Sendable, Hashable {
    /// Process address of the first byte.
    public var start: UInt64
    /// Process address after the last byte.
    public var end: UInt64
    /// Offset in the file of the byte at `start`; 0 unless `kind` is `.file`.
    public var fileOffset: UInt64
    public var file: MappedFileIdentity
    public var kind: MappingKind
    /// As the process's own mount namespace sees it, without " (deleted)"; bytes that are not UTF-8 are repaired. Empty
    /// for anonymous memory. For people and as a last resort for opening: the file is known by `file`.
    public var path: String
    /// What is written there is seen by every process that has it mapped: MAP_SHARED.
    public var isShared: Bool

    public init(
        start: UInt64, end: UInt64, fileOffset: UInt64 = 0, file: MappedFileIdentity = .none, kind: MappingKind,
        path: String = "", isShared: Bool = false
    ) {
        self.start = start
        self.end = end
        self.fileOffset = fileOffset
        self.file = file
        self.kind = kind
        self.path = path
        self.isShared = isShared
    }

    /// The same bytes of the same file at the same place; a file renamed meanwhile is still the same.
    func hasSameContent(as other: Mapping) -> Bool {
        start == other.start && end == other.end && fileOffset == other.fileOffset && file == other.file
            && kind == other.kind && isShared == other.isShared
    }

    /// Decides what a line of `/proc/PID/maps` or an mmap event is, from the inode and the path as the kernel wrote it.
    /// Nil: nothing that runs in user mode.
    static func kind(inode: UInt64, path: Substring.UTF8View) -> MappingKind? {
        if inode != 0 {
            // Shared anonymous memory and anonymous huge pages have a file of the kernel's own behind them.
            if path.starts(with: "/dev/zero".utf8) || path.starts(with: "/anon_hugepage".utf8) { return .anonymous }
            return .file
        }
        if path.elementsEqual("[vdso]".utf8) { return .vdso }
        // The vsyscall page lies in the kernel's half and runs by emulation.
        if path.elementsEqual("[vsyscall]".utf8) || path.starts(with: "[vvar".utf8) { return nil }
        // No name, [anon:…], //anon, and heap or stack that was made executable.
        return .anonymous
    }
}

/// What one executable mapping of one process needs to be opened.
public struct ExecutableReference: Hashable, Sendable {
    public var file: MappedFileIdentity
    public var kind: MappingKind

    public init(file: MappedFileIdentity, kind: MappingKind) {
        self.file = file
        self.kind = kind
    }

    public static let vdso = ExecutableReference(file: .none, kind: .vdso)
}

extension Mapping {
    /// Nil for anonymous memory.
    public var executable: ExecutableReference? {
        switch kind {
        case .file: ExecutableReference(file: file, kind: .file)
        case .vdso: .vdso
        case .anonymous: nil
        }
    }
}

extension [Mapping] {
    /// Index of the mapping that holds `address` in a sorted, non-overlapping list.
    public func indexOfMapping(at address: UInt64) -> Int? {
        let index = firstIndexOfMapping(endingAfter: address)
        guard index < count, self[index].start <= address else { return nil }
        return index
    }

    /// Index of the first mapping whose end is above `address`; `count` when there is none.
    func firstIndexOfMapping(endingAfter address: UInt64) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = low &+ (high &- low) / 2
            if self[middle].end > address { high = middle } else { low = middle &+ 1 }
        }
        return low
    }

    /// Puts `new` into a sorted, non-overlapping list; what it covers of older mappings goes, as `mmap` does it.
    mutating func replaceRange(with new: Mapping) {
        guard new.start < new.end else { return }
        let first = firstIndexOfMapping(endingAfter: new.start)
        var last = first
        var replacement: [Mapping] = []
        if first < count, self[first].start < new.start {
            var left = self[first]
            left.end = new.start
            replacement.append(left)
        }
        replacement.append(new)
        while last < count, self[last].start < new.end {
            if self[last].end > new.end {
                var right = self[last]
                let cut = new.end &- right.start
                if right.kind == .file { right.fileOffset = right.fileOffset &+ cut }
                right.start = new.end
                replacement.append(right)
            }
            last &+= 1
        }
        replaceSubrange(first..<last, with: replacement)
    }
}
