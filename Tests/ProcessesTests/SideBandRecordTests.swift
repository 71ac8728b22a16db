import BinaryReading
import Testing

@testable import Processes

/// Writes records as `include/uapi/linux/perf_event.h` lays them out.
private struct RecordBytes {
    var bytes: [UInt8] = []

    mutating func put(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func put(_ text: String) {
        bytes.append(contentsOf: Array(text.utf8) + [0])
        while bytes.count % 8 != 0 { bytes.append(0) }
    }

    /// With header in front and sample_id (TID, TIME, CPU) behind.
    func record(type: UInt32, misc: UInt16 = 0, time: UInt64 = 77) -> [UInt8] {
        var record = RecordBytes()
        record.put(type)
        record.put(misc)
        record.put(UInt16(8 + bytes.count + 24))
        record.bytes += bytes
        record.put(UInt32(1))
        record.put(UInt32(1))
        record.put(time)
        record.put(UInt64(0))
        return record.bytes
    }

    static func mmap2(
        start: UInt64 = 0x7000, length: UInt64 = 0x2000, offset: UInt64 = 0x1000, inode: UInt64 = 42,
        protection: UInt32 = 5, path: String = "/lib/libc.so.6", misc: UInt16 = 0
    ) -> [UInt8] {
        var body = RecordBytes()
        body.put(UInt32(10))
        body.put(UInt32(11))
        body.put(start)
        body.put(length)
        body.put(offset)
        body.put(UInt32(8))
        body.put(UInt32(1))
        body.put(inode)
        body.put(UInt64(3))
        body.put(protection)
        body.put(UInt32(2))
        body.put(path)
        return body.record(type: 10, misc: misc)
    }
}

struct SideBandRecordTests {
    private func parse(_ bytes: [UInt8]) throws -> SideBandRecord? {
        try bytes.withByteReader { (reader) throws in try SideBandRecord(reading: &reader) }
    }

    @Test func readsMappings() throws {
        let record = try parse(RecordBytes.mmap2(path: "/lib/libc.so.6 (deleted)"))
        let mapping = Mapping(
            start: 0x7000, end: 0x9000, fileOffset: 0x1000,
            file: MappedFileIdentity(deviceMajor: 8, deviceMinor: 1, inode: 42), kind: .file, path: "/lib/libc.so.6")
        #expect(record == SideBandRecord(timeNanoseconds: 77, event: .mapping(pid: 10, tid: 11, mapping)))
        let anonymous = try parse(RecordBytes.mmap2(inode: 0, path: "//anon"))
        #expect(
            anonymous?.event
                == .mapping(pid: 10, tid: 11, Mapping(start: 0x7000, end: 0x9000, kind: .anonymous)))
        let vdso = try parse(RecordBytes.mmap2(inode: 0, path: "[vdso]"))
        #expect(
            vdso?.event
                == .mapping(pid: 10, tid: 11, Mapping(start: 0x7000, end: 0x9000, kind: .vdso, path: "[vdso]")))
    }

    @Test func skipsWhatIsNotExecutableOrNoRange() throws {
        #expect(try parse(RecordBytes.mmap2(protection: 3)) == nil)
        #expect(try parse(RecordBytes.mmap2(length: 0)) == nil)
        #expect(try parse(RecordBytes.mmap2(start: .max - 5, length: 100)) == nil)
        #expect(try parse(RecordBytes.mmap2(misc: 1 << 14)) == nil)
        #expect(try parse(RecordBytes().record(type: 5)) == nil)
    }

    @Test func readsNamesForksExitsAndLosses() throws {
        var name = RecordBytes()
        name.put(UInt32(5))
        name.put(UInt32(6))
        name.put("worker")
        #expect(
            try parse(name.record(type: 3))?.event == .commandName(pid: 5, tid: 6, name: "worker", isExec: false))
        #expect(
            try parse(name.record(type: 3, misc: 1 << 13))?.event
                == .commandName(pid: 5, tid: 6, name: "worker", isExec: true))
        var task = RecordBytes()
        for value in [5, 4, 7, 3] as [UInt32] { task.put(value) }
        task.put(UInt64(99))
        #expect(try parse(task.record(type: 7))?.event == .fork(pid: 5, tid: 7, parentPID: 4))
        #expect(try parse(task.record(type: 4))?.event == .exit(pid: 5, tid: 7))
        var lost = RecordBytes()
        lost.put(UInt64(1))
        lost.put(UInt64(12))
        #expect(try parse(lost.record(type: 2))?.event == .lost(count: 12))
    }

    @Test func truncatedRecordsThrow() {
        let whole = RecordBytes.mmap2()
        for count in 0..<(8 + 24) { #expect(throws: ReadError.self) { try parse(Array(whole[..<count])) } }
        for count in 32..<whole.count { _ = try? parse(Array(whole[..<count])) }
    }
}
