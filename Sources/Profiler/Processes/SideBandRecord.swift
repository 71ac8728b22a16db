import BinaryReading

/// What happened to a process, as the kernel's side-band events tell it (perf_event_open(2), "Overflow handling";
/// `include/uapi/linux/perf_event.h`, `enum perf_event_type`).
public struct SideBandRecord: Sendable, Equatable {
    public enum Event: Sendable, Equatable {
        /// PERF_RECORD_MMAP2 of an executable range.
        case mapping(pid: ProcessID, tid: ProcessID, Mapping)
        /// PERF_RECORD_COMM: a thread got a new name; `isExec` when by `execve`.
        case commandName(pid: ProcessID, tid: ProcessID, name: String, isExec: Bool)
        /// PERF_RECORD_FORK. A new thread when `pid` is `parentPID`, else a new process.
        case fork(pid: ProcessID, tid: ProcessID, parentPID: ProcessID)
        /// PERF_RECORD_EXIT of one thread.
        case exit(pid: ProcessID, tid: ProcessID)
        /// PERF_RECORD_LOST: so many events found no room in the ring.
        case lost(count: UInt64)
    }

    /// CLOCK_MONOTONIC.
    public var timeNanoseconds: UInt64
    public var event: Event

    public init(timeNanoseconds: UInt64, event: Event) {
        self.timeNanoseconds = timeNanoseconds
        self.event = event
    }
}

extension SideBandRecord {
    /// `enum perf_event_type`.
    private enum RecordType {
        static let lost: UInt32 = 2
        static let comm: UInt32 = 3
        static let exit: UInt32 = 4
        static let fork: UInt32 = 7
        static let mmap2: UInt32 = 10
    }

    /// PERF_RECORD_MISC_COMM_EXEC.
    private static let miscCommExec: UInt16 = 1 << 13
    /// PERF_RECORD_MISC_MMAP_BUILD_ID: a build id in place of device and inode.
    private static let miscBuildID: UInt16 = 1 << 14
    private static let protExec: UInt32 = 4
    private static let mapShared: UInt32 = 1
    /// `sample_id` with TID | TIME | CPU: pid, tid, time, cpu, reserved.
    static let sampleIDBytes = 24
    /// A path is at most PATH_MAX long (the kernel writes "//toolong" otherwise).
    private static let maximumPathBytes = 4096

    /// Reads one record, header included. Nil: a record of no interest here.
    /// - Throws: `ReadError` when the record is shorter than its kind demands.
    init?(reading reader: inout ByteReader) throws(ReadError) {
        let type = try reader.read(UInt32.self, "perf record type")
        let misc = try reader.read(UInt16.self, "perf record misc")
        _ = try reader.read(UInt16.self, "perf record size")
        let bodyLength = reader.remaining &- Self.sampleIDBytes
        var body = try reader.slice(bodyLength, "perf record body")
        try reader.skip(8, "sample_id pid and tid")
        timeNanoseconds = try reader.read(UInt64.self, "sample_id time")
        switch type {
        case RecordType.mmap2:
            guard misc & Self.miscBuildID == 0, let event = try Self.mapping(&body) else { return nil }
            self.event = event
        case RecordType.comm:
            let pid = try body.read(ProcessID.self, "comm pid")
            let tid = try body.read(ProcessID.self, "comm tid")
            let name = try body.readCString(limit: 64, "comm")
            event = .commandName(pid: pid, tid: tid, name: name, isExec: misc & Self.miscCommExec != 0)
        case RecordType.fork, RecordType.exit:
            let pid = try body.read(ProcessID.self, "task pid")
            let parentPID = try body.read(ProcessID.self, "task parent pid")
            let tid = try body.read(ProcessID.self, "task tid")
            event = type == RecordType.exit
                ? .exit(pid: pid, tid: tid) : .fork(pid: pid, tid: tid, parentPID: parentPID)
        case RecordType.lost:
            try body.skip(8, "lost id")
            event = .lost(count: try body.read(UInt64.self, "lost count"))
        default:
            return nil
        }
    }

    private static func mapping(_ body: inout ByteReader) throws(ReadError) -> Event? {
        let pid = try body.read(ProcessID.self, "mmap pid")
        let tid = try body.read(ProcessID.self, "mmap tid")
        let start = try body.read(UInt64.self, "mmap address")
        let length = try body.read(UInt64.self, "mmap length")
        let offset = try body.read(UInt64.self, "mmap offset")
        let major = try body.read(UInt32.self, "mmap major")
        let minor = try body.read(UInt32.self, "mmap minor")
        let inode = try body.read(UInt64.self, "mmap inode")
        try body.skip(8, "mmap inode generation")
        let protection = try body.read(UInt32.self, "mmap protection")
        let flags = try body.read(UInt32.self, "mmap flags")
        let path = try body.readCString(limit: maximumPathBytes, "mmap path")
        // A kernel mapping carries pid -1.
        guard pid > 0, protection & protExec != 0, length > 0 else { return nil }
        let (end, overflow) = start.addingReportingOverflow(length)
        guard !overflow, let kind = Mapping.kind(inode: inode, path: path[...].utf8) else { return nil }
        return .mapping(
            pid: pid, tid: tid,
            Mapping(
                start: start, end: end, fileOffset: kind == .file ? offset : 0,
                file: kind == .file
                    ? MappedFileIdentity(deviceMajor: major, deviceMinor: minor, inode: inode) : .none,
                kind: kind, path: kind == .anonymous ? "" : MapsParser.withoutDeletedMark(path),
                isShared: flags & mapShared != 0))
    }
}
