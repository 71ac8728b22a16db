import CBPFInterface
import Testing

@testable import Engine

struct TraceRecordTests {
    private func record(_ header: trace_header, words: [UInt64] = [], rest: [UInt8] = []) -> [UInt64] {
        var bytes = withUnsafeBytes(of: header) { Array($0) }
        bytes += words.withUnsafeBytes { Array($0) } + rest
        // As the kernel delivers them: aligned to 8 bytes.
        var aligned = [UInt64](repeating: 0, count: (bytes.count + 7) / 8)
        aligned.withUnsafeMutableBytes { $0.copyBytes(from: bytes) }
        return aligned
    }

    private func parse(_ storage: [UInt64], count: Int? = nil) -> (kernel: Int, words: [UInt64])? {
        storage.withUnsafeBytes { bytes in
            TraceRecord(UnsafeRawBufferPointer(rebasing: bytes[..<(count ?? bytes.count)])).map {
                (Int($0.header.kernel_frame_count), Array($0.words))
            }
        }
    }

    @Test func lengthsAreChecked() {
        var header = trace_header()
        header.kind = UInt32(RECORD_TRACE.rawValue)
        header.word_count = 2
        header.kernel_frame_count = 1
        let storage = record(header, words: [7, 8])
        #expect(parse(storage)?.words == [7, 8])
        #expect(parse(storage, count: storage.count * 8 - 8) == nil, "fewer words than stated")
        #expect(parse(storage, count: 16) == nil, "no whole header")
        header.kernel_frame_count = 3
        #expect(parse(record(header, words: [7, 8])) == nil, "more kernel frames than words")
        header.kernel_frame_count = 0
        header.kind = 9
        #expect(parse(record(header, words: [7, 8])) == nil, "no such record")
        header.kind = UInt32(RECORD_TRACE.rawValue)
        for origin in [3, 0xff, 0x100, 0x102, .max] as [UInt16] {
            header.origin = origin
            #expect(parse(record(header, words: [7, 8])) == nil, "no such origin")
        }
        header.origin = UInt16(ORIGIN_PROBE.rawValue)
        #expect(parse(record(header, words: [7, 8])) != nil)
    }

    @Test func snapshotsAreChecked() {
        var bytes = [UInt8](repeating: 0, count: StackSnapshot.headerBytes + 16)
        func snapshot() -> StackSnapshot? { bytes.withUnsafeBytes { StackSnapshot($0) } }
        bytes[StackSnapshot.headerBytes - 8] = 16
        #expect(snapshot()?.stack.count == 16)
        bytes[StackSnapshot.headerBytes - 8] = 17
        #expect(snapshot() == nil, "longer than what is there")
        bytes[StackSnapshot.headerBytes - 1] = 0xff
        #expect(snapshot() == nil, "longer than memory")
        #expect([UInt8](repeating: 0, count: 100).withUnsafeBytes { StackSnapshot($0) } == nil)
    }
}
