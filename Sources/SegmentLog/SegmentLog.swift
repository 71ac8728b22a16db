import Glibc

/// Records in a folder that outlive the process: appended at the end, removed in any order.
///
/// Records lie in segments; a segment whose records are all removed is deleted. There is nothing to compact, and what a
/// crash tears is at a segment's end: it is passed over, as damage is, and records behind it count. A removal that a crash lost brings its
/// record back, so what reads the log sees each record at least once. See `SegmentFormat` for the bytes.
///
/// Not Sendable: one thread uses it. Every method blocks.
public final class SegmentLog {
    public struct Record: Sendable, Hashable {
        /// Grows with every record, over restarts too.
        public let number: UInt64
        /// Length in bytes.
        public let length: Int
        /// What was given to `append`.
        public let tag: UInt32
        fileprivate let segment: UInt64
        fileprivate let offset: Int
    }

    private struct Segment {
        var file: LogFile
        /// Where the next record goes.
        var end: Int
        var removals: LogFile?
        var removalsEnd = 0
        var liveCount = 0
    }

    /// A segment takes no more records once it is this long.
    public static let segmentBytes = 16 << 20
    public static let maximumRecordBytes = 1 << 30
    /// A segment that is at least so long is given back as soon as none of its records is left, even if it would take
    /// more.
    static let reclaimedBytes = 64 << 10

    /// No log will ever get there.
    private static let lastNumber = UInt64.max >> 1

    private let folder: String
    private let syncs: Bool
    private let segmentLimit: Int
    private let lock: LogFile
    private var segments: [UInt64: Segment] = [:]
    private var active: UInt64?
    private var nextNumber: UInt64 = 1
    /// What could not be read when the log was opened, as sentences.
    public private(set) var damage: [String] = []
    /// The records that earlier runs left, oldest first.
    public private(set) var recovered: [Record] = []

    /// - Parameters:
    ///   - folder: made if it is not there; its parent must be.
    ///   - syncs: whether each record is on the disk, not only in the kernel's memory, when `append` returns. Without
    ///     it records survive the process's end, not the machine's.
    ///   - lockPatienceMilliseconds: how long to wait for another user of the log to let go of it.
    public init(
        folder: String, syncs: Bool = false, lockPatienceMilliseconds: Int = 1000, segmentBytes: Int = segmentBytes
    ) throws(SegmentLogError) {
        self.folder = folder
        self.syncs = syncs
        segmentLimit = segmentBytes
        if mkdir(folder, 0o700) != 0, errno != EEXIST { throw .last("make", folder) }
        lock = try LogFile(folder + "/lock", O_RDWR | O_CREAT)
        var waited = 0
        while try !lock.tryLock() {
            if waited >= lockPatienceMilliseconds {
                throw SegmentLogError(.inUse, "\(folder) is used by another process")
            }
            usleep(20_000)
            waited += 20
        }
        for number in try segmentNumbers() { try recover(number) }
        recovered.sort { $0.number < $1.number }
    }

    // MARK: - Records

    /// - Parameter tag: the caller's, given back with the record.
    public func append(_ payload: [UInt8], tag: UInt32 = 0) throws(SegmentLogError) -> Record {
        guard payload.count <= SegmentLog.maximumRecordBytes else {
            throw SegmentLogError(.tooLarge, "a record of \(payload.count) bytes is too long to be stored")
        }
        let number = try segmentForAppending()
        guard var segment = segments[number] else {
            throw SegmentLogError(.damaged, "\(folder) has lost a segment")
        }
        let head = SegmentFormat.Head(
            length: UInt32(payload.count), payloadChecksum: SegmentFormat.checksum(payload[...]), tag: tag,
            number: nextNumber)
        do throws(SegmentLogError) {
            try segment.file.write(SegmentFormat.encode(head) + payload, at: segment.end)
            if syncs { try segment.file.sync() }
        } catch {
            // The disk may be full: what was written in part must not lie before the next record.
            try? segment.file.truncate(to: segment.end)
            throw error
        }
        let record = Record(
            number: nextNumber, length: payload.count, tag: tag, segment: number, offset: segment.end)
        segment.end += SegmentFormat.headBytes + payload.count
        segment.liveCount += 1
        segments[number] = segment
        nextNumber += 1
        return record
    }

    /// The payload, as it was given to `append`.
    public func read(_ record: Record) throws(SegmentLogError) -> [UInt8] {
        guard let segment = segments[record.segment] else {
            throw SegmentLogError(.damaged, "record \(record.number) of \(folder) is gone")
        }
        let head = SegmentFormat.decodeHead(
            try segment.file.read(at: record.offset, count: SegmentFormat.headBytes))
        let payload = try segment.file.read(at: record.offset + SegmentFormat.headBytes, count: record.length)
        guard let head, head.number == record.number, payload.count == record.length,
            SegmentFormat.checksum(payload[...]) == head.payloadChecksum
        else {
            throw SegmentLogError(.damaged, "record \(record.number) in \(segment.file.path) is damaged")
        }
        return payload
    }

    /// Forgets a record for good.
    public func remove(_ record: Record) throws(SegmentLogError) {
        guard var segment = segments[record.segment] else { return }
        segment.liveCount -= 1
        if segment.liveCount == 0, record.segment != active {
            try delete(record.segment)
            return
        }
        if segment.liveCount == 0, segment.end >= SegmentLog.reclaimedBytes {
            // Nothing waits: the disk may be full of what is no longer needed. The next segment's name keeps the numbers
            // growing; where there is no room even for that, the next record makes it.
            active = nil
            try delete(record.segment)
            _ = try? segmentForAppending()
            return
        }
        defer { segments[record.segment] = segment }
        if segment.removals == nil {
            segment.removals = try LogFile(removalsPath(record.segment), O_RDWR | O_CREAT)
        }
        try segment.removals?.write(SegmentFormat.encodeRemoval(record.number), at: segment.removalsEnd)
        segment.removalsEnd += SegmentFormat.removalBytes
    }

    // MARK: - Segments

    private func segmentForAppending() throws(SegmentLogError) -> UInt64 {
        if let active, let segment = segments[active], segment.end < segmentLimit { return active }
        if let full = active {
            active = nil
            if segments[full]?.liveCount == 0 { try delete(full) }
        }
        let number = nextNumber
        // One that a crash left behind speaks of other records.
        unlink(removalsPath(number))
        let file = try LogFile(segmentPath(number), O_RDWR | O_CREAT | O_TRUNC)
        try file.write(SegmentFormat.header, at: 0)
        segments[number] = Segment(file: file, end: SegmentFormat.header.count)
        active = number
        return number
    }

    private func delete(_ number: UInt64) throws(SegmentLogError) {
        segments[number] = nil
        // The segment first, lest its records come back.
        for path in [segmentPath(number), removalsPath(number)] where unlink(path) != 0 && errno != ENOENT {
            throw .last("delete", path)
        }
    }

    private func segmentPath(_ number: UInt64) -> String { "\(folder)/\(digits(number)).segment" }
    private func removalsPath(_ number: UInt64) -> String { "\(folder)/\(digits(number)).removed" }

    private func digits(_ number: UInt64) -> String {
        let text = String(number)
        return String(repeating: "0", count: 20 - text.count) + text
    }

    // MARK: - Recovery

    private func segmentNumbers() throws(SegmentLogError) -> [UInt64] {
        guard let directory = opendir(folder) else { throw .last("list", folder) }
        defer { closedir(directory) }
        var numbers: [UInt64] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasSuffix(".segment"), let number = UInt64(name.dropLast(8)), number <= SegmentLog.lastNumber {
                numbers.append(number)
            }
        }
        return numbers.sorted()
    }

    private func recover(_ number: UInt64) throws(SegmentLogError) {
        let path = segmentPath(number)
        let file = try LogFile(path, O_RDWR)
        let size = try file.size()
        var segment = Segment(file: file, end: SegmentFormat.header.count)
        nextNumber = max(nextNumber, number)
        guard try file.read(at: 0, count: SegmentFormat.header.count) == SegmentFormat.header else {
            // Of a segment that was being made there is nothing to lose. Anything else is left for people to look at.
            if size < SegmentFormat.header.count {
                try delete(number)
            } else {
                damage.append("\(path) is not a segment; it is left alone")
                nextNumber = max(nextNumber, number + 1)
            }
            return
        }
        var removed: Set<UInt64> = []
        if access(removalsPath(number), F_OK) == 0 {
            let removals = try LogFile(removalsPath(number), O_RDWR)
            let bytes = try removals.read(at: 0, count: min(try removals.size(), 64 << 20))
            removed = SegmentFormat.decodeRemovals(bytes)
            segment.removals = removals
            // A torn entry is written over.
            segment.removalsEnd = bytes.count / SegmentFormat.removalBytes * SegmentFormat.removalBytes
        }
        var records: [Record] = []
        var damagedBytes = 0
        while segment.end < size {
            guard let head = try SegmentFormat.decodeHead(file.read(at: segment.end, count: SegmentFormat.headBytes)),
                head.number >= nextNumber, head.number <= SegmentLog.lastNumber,
                Int(head.length) <= size - segment.end - SegmentFormat.headBytes
            else {
                let next = try SegmentLog.nextHead(in: file, after: segment.end, size: size)
                damagedBytes += next - segment.end
                segment.end = next
                continue
            }
            if !removed.contains(head.number) {
                records.append(
                    Record(
                        number: head.number, length: Int(head.length), tag: head.tag, segment: number,
                        offset: segment.end))
            }
            segment.end += SegmentFormat.headBytes + Int(head.length)
            nextNumber = head.number + 1
        }
        if damagedBytes > 0 { damage.append("\(path): \(damagedBytes) bytes were not written whole, or are damaged") }
        segment.liveCount = records.count
        segments[number] = segment
        if records.isEmpty {
            try delete(number)
        } else {
            recovered += records
        }
    }

    /// Where behind `position` a record's head begins; the file's size when there is none.
    private static func nextHead(in file: LogFile, after position: Int, size: Int) throws(SegmentLogError) -> Int {
        let headBytes = SegmentFormat.headBytes
        var start = position + 1
        while size - start >= headBytes {
            let bytes = try file.read(at: start, count: min(64 << 10, size - start))
            // Fewer than asked for: the file has become shorter.
            guard bytes.count >= headBytes else { break }
            for index in 0...(bytes.count - headBytes) where bytes[index] == SegmentFormat.magic[0] {
                if SegmentFormat.decodeHead(Array(bytes[index..<(index + headBytes)])) != nil { return start + index }
            }
            start += bytes.count - headBytes + 1
        }
        return size
    }
}
