/// What one series (thread and sample type) did in one bucket: pairs of stack id and value, coded as differences of
/// ascending ids and plain values, all unsigned LEB128.
enum SampleBlock {
    /// Sorts `samples` by stack id, merges equal ids and codes them.
    /// - Returns: the blob and the sum of all values; values must not be negative.
    static func encode(_ samples: inout [(stack: Int64, value: Int64)]) -> (blob: [UInt8], total: Int64) {
        samples.sort { $0.stack < $1.stack }
        var blob: [UInt8] = []
        blob.reserveCapacity(samples.count * 3)
        var total: Int64 = 0
        var previous: Int64 = 0
        var index = 0
        while index < samples.count {
            let stack = samples[index].stack
            var value: Int64 = 0
            while index < samples.count, samples[index].stack == stack {
                value = value.addingSaturated(samples[index].value)
                index += 1
            }
            appendVariableLength(UInt64(bitPattern: stack &- previous), to: &blob)
            appendVariableLength(UInt64(bitPattern: value), to: &blob)
            total = total.addingSaturated(value)
            previous = stack
        }
        return (blob, total)
    }

    @inline(__always)
    static func forEach(_ blob: UnsafeRawBufferPointer, _ body: (_ stack: Int64, _ value: Int64) -> Void)
        throws(BlobError)
    {
        var reader = VariableLengthReader(blob)
        var stack: Int64 = 0
        while !reader.isAtEnd {
            stack = stack &+ Int64(bitPattern: try reader.next())
            body(stack, Int64(bitPattern: try reader.next()))
        }
    }

    // MARK: - Keys

    /// A block's row id holds its bucket's start (seconds since 1970) above this many bits of a running number, so that
    /// rows lie in time order on disk and a time window is one range of row ids.
    static let sequenceBits: Int64 = 24
    /// 2^38 seconds: beyond any real clock, and its row ids stay positive.
    static let maximumStartSeconds: Int64 = 1 << 38

    static func firstRowID(startSeconds: Int64) -> Int64 {
        min(max(startSeconds, 0), maximumStartSeconds) << sequenceBits
    }
}

/// A call stack's frame ids, root first, coded as zigzag differences.
enum StackBlob {
    static func encode(_ frames: [Int64]) -> [UInt8] {
        var blob: [UInt8] = []
        blob.reserveCapacity(frames.count * 2)
        var previous: Int64 = 0
        for frame in frames {
            appendVariableLength(zigzag(frame &- previous), to: &blob)
            previous = frame
        }
        return blob
    }

    @inline(__always)
    static func forEach(_ blob: UnsafeRawBufferPointer, _ body: (Int64) -> Void) throws(BlobError) {
        var reader = VariableLengthReader(blob)
        var frame: Int64 = 0
        while !reader.isAtEnd {
            frame = frame &+ unzigzag(try reader.next())
            body(frame)
        }
    }
}
