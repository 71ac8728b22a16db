import CBPFInterface

/// A record as the kernel side sends it, checked; the pointers are borrowed from the buffer it was read from.
struct TraceRecord {
    var header: trace_header
    var origin: SampleOrigin
    /// For a trace: kernel addresses, then user frames. For a snapshot: kernel addresses.
    var words: UnsafeBufferPointer<UInt64>
    /// Labels of the goroutine, for a trace; `GO_LABEL_WORDS` words each.
    var labels: UnsafeBufferPointer<UInt64>
    /// Registers and stack, for `RECORD_STACK_SNAPSHOT`: the bytes of `struct stack_snapshot`.
    var snapshot: UnsafeRawBufferPointer?

    /// Nil when the lengths do not fit the bytes, or the header says what `abi.h` does not know.
    init?(_ bytes: UnsafeRawBufferPointer) {
        let headerSize = MemoryLayout<trace_header>.size
        guard bytes.count >= headerSize, let base = bytes.baseAddress else { return nil }
        header = bytes.loadUnaligned(as: trace_header.self)
        guard let origin = SampleOrigin(header) else { return nil }
        self.origin = origin
        let wordCount = Int(header.word_count)
        guard wordCount >= Int(header.kernel_frame_count), wordCount <= Int(ABI_TRACE_WORDS),
            bytes.count - headerSize >= wordCount * 8,
            Int(bitPattern: base) & 7 == 0
        else { return nil }
        words = UnsafeBufferPointer(
            start: (base + headerSize).assumingMemoryBound(to: UInt64.self), count: wordCount)
        labels = UnsafeBufferPointer(rebasing: words[..<0])
        snapshot = nil
        switch header.kind {
        case UInt32(RECORD_TRACE.rawValue):
            guard header.label_count <= UInt32(GO_LABELS_AT_MOST) else { return nil }
            let labelWords = Int(header.label_count) * Int(GO_LABEL_WORDS)
            guard bytes.count - headerSize >= (wordCount + labelWords) * 8 else { return nil }
            labels = UnsafeBufferPointer(
                start: (base + headerSize + wordCount * 8).assumingMemoryBound(to: UInt64.self), count: labelWords)
        case UInt32(RECORD_STACK_SNAPSHOT.rawValue):
            let rest = UnsafeRawBufferPointer(rebasing: bytes[(headerSize + wordCount * 8)...])
            guard rest.count >= StackSnapshot.headerBytes else { return nil }
            snapshot = rest
        default: return nil
        }
    }
}

extension SampleOrigin {
    /// Nil for a number that `enum trace_origin` does not have.
    init?(_ header: trace_header) {
        guard let number = UInt8(exactly: header.origin) else { return nil }
        self.init(rawValue: number)
    }
}

/// Registers and stack of a thread whose stack could not be unwound in the kernel yet.
struct StackSnapshot: Sendable {
    /// Bytes of `struct stack_snapshot` before its stack: registers and length.
    static let headerBytes = Int(ABI_REGISTER_COUNT) * 8 + 8

    var registers: [UInt64]
    var stack: [UInt8]

    /// Nil when the stated length does not fit.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= StackSnapshot.headerBytes else { return nil }
        let count = Int(ABI_REGISTER_COUNT)
        registers = (0..<count).map { bytes.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self) }
        let length = bytes.loadUnaligned(fromByteOffset: count * 8, as: UInt64.self)
        guard length <= UInt64(bytes.count - StackSnapshot.headerBytes) else { return nil }
        stack = [UInt8](bytes[StackSnapshot.headerBytes..<(StackSnapshot.headerBytes + Int(length))])
    }
}

extension ABIFrame {
    static let stackPointerRegister: Int = {
        #if arch(arm64)
        Int(ARM64_SP)
        #else
        Int(X86_RSP)
        #endif
    }()
}

/// A user frame's words, taken apart; see "A user frame" in `abi.h`.
struct ABIFrame {
    var kind: UInt8
    var isReturnAddress: Bool
    /// Words of the frame, its header included; at least 1.
    var wordCount: Int
    /// 40 bits; for a native frame the executable's number.
    var data: UInt64

    init(header: UInt64) {
        kind = UInt8(truncatingIfNeeded: header >> 56)
        isReturnAddress = (header >> 48) & UInt64(FRAME_RETURN_ADDRESS.rawValue) != 0
        wordCount = max(1, Int((header >> 40) & 0xff))
        data = header & 0xff_ffff_ffff
    }
}
