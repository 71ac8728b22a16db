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

    private func label(_ key: String, _ value: String, keyBytes: Int? = nil) -> [UInt64] {
        var bytes = [UInt8](repeating: 0, count: Int(GO_LABEL_WORDS) * 8)
        bytes.withUnsafeMutableBytes {
            $0.storeBytes(of: UInt32(keyBytes ?? key.utf8.count), as: UInt32.self)
            $0.storeBytes(of: UInt32(value.utf8.count), toByteOffset: 4, as: UInt32.self)
        }
        for (index, byte) in key.utf8.prefix(Int(GO_LABEL_KEY_BYTES)).enumerated() { bytes[8 + index] = byte }
        for (index, byte) in value.utf8.prefix(Int(GO_LABEL_VALUE_BYTES)).enumerated() {
            bytes[8 + Int(GO_LABEL_KEY_BYTES) + index] = byte
        }
        return bytes.withUnsafeBytes { Array($0.bindMemory(to: UInt64.self)) }
    }

    @Test func labelsAreChecked() {
        var header = trace_header()
        header.kind = UInt32(RECORD_TRACE.rawValue)
        header.word_count = 1
        header.label_count = 1
        let words = [7] + label("key", "value")
        func labels(_ words: [UInt64]) -> [UInt64]? {
            record(header, words: words).withUnsafeBytes { TraceRecord($0).map { Array($0.labels) } }
        }
        #expect(labels(words) == Array(words[1...]))
        #expect(labels(words.dropLast()) == nil, "less than stated")
        header.label_count = .max
        #expect(labels(words) == nil, "more than there can be")
    }

    @Test func labelsAreDecoded() {
        func decoded(_ words: [UInt64]) -> [String] { ProfileLabel.decode(words).map { "\($0.key)=\($0.value)" } }
        #expect(decoded(label("b", "2") + label("a", "1") + label("b", "3")) == ["a=1", "b=2"])
        #expect(decoded(label("", "1") + label("a", "") + [1, 2, 3]) == [])
        // Cut between characters; lengths that lie.
        #expect(decoded(label(String(repeating: "k", count: 31) + "é", "1")) == [String(repeating: "k", count: 31) + "=1"])
        #expect(decoded(label("a", String(repeating: "v", count: 100))) == ["a=" + String(repeating: "v", count: 64)])
        #expect(decoded(label("a", "1", keyBytes: .init(UInt32.max))).count == 1)
        // No UTF-8.
        var broken = label("ab", "1")
        broken[1] = 0x80_ff61
        #expect(decoded(broken) == ["a=1"])
        broken[1] = 0xff
        #expect(decoded(broken) == [])
        // Hostile lengths and bytes do not trap.
        #expect(ProfileLabel.decode([UInt64](repeating: .max, count: 130)).isEmpty)
    }

    @Test func labelSetsAreBounded() {
        var interner = LabelInterner()
        func number(_ words: [UInt64]) -> UInt32 { words.withUnsafeBufferPointer { interner.number(of: $0) } }
        #expect(number([]) == 0)
        #expect(number([1]) == 1 && number([2]) == 2 && number([1]) == 1)
        for word in 0..<UInt64(2 * LabelInterner.limit) { _ = number([word, word]) }
        #expect(number([.max]) == 0 && number([1]) == 1)
        #expect(interner.take().count == LabelInterner.limit && interner.sets == [[]])
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
