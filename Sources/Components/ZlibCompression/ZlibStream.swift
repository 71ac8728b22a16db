import CZlib

/// Compresses what is given piece by piece, so that the whole never has to exist uncompressed in one place.
public struct ZlibStream: ~Copyable {
    private let stream: UnsafeMutablePointer<z_stream>
    private var chunk: [UInt8]

    /// - Parameter level: 1 (fast) to 9 (small); -1 for zlib's default, 6.
    public init(_ format: ZlibFormat, level: Int = -1) throws(ZlibError) {
        // What can fail comes before the first property: Swift 6.2 does not compile the other order.
        stream = try ZlibStream.begin(format, level: Int32(clamping: min(max(level, -1), 9)))
        chunk = [UInt8](repeating: 0, count: 32 << 10)
    }

    /// zlib keeps the stream's address, so it must not move.
    private static func begin(
        _ format: ZlibFormat, level: Int32
    ) throws(ZlibError) -> UnsafeMutablePointer<z_stream> {
        let new = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        new.initialize(to: z_stream())
        guard czlib_deflate_init(new, level, format.windowBits) == Z_OK else {
            new.deallocate()
            throw .outOfMemory
        }
        return new
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// - Parameter output: What of the compressed form is complete is appended.
    public mutating func append(_ piece: ArraySlice<UInt8>, to output: inout [UInt8]) throws(ZlibError) {
        guard !piece.isEmpty else { return }
        try run(piece, flush: Z_NO_FLUSH, to: &output)
    }

    /// Ends the compressed form; nothing can be appended afterwards.
    public mutating func finish(to output: inout [UInt8]) throws(ZlibError) {
        try run([], flush: Z_FINISH, to: &output)
    }

    private mutating func run(
        _ piece: ArraySlice<UInt8>, flush: Int32, to output: inout [UInt8]
    ) throws(ZlibError) {
        var rest = piece
        repeat {
            // zlib counts in 32 bits: large pieces go in by parts.
            let part = rest.prefix(1 << 30)
            rest = rest.dropFirst(part.count)
            try deflatePart(part, flush: flush, to: &output)
        } while !rest.isEmpty
    }

    private mutating func deflatePart(
        _ part: ArraySlice<UInt8>, flush: Int32, to output: inout [UInt8]
    ) throws(ZlibError) {
        var isDone = false
        var consumed = 0
        while !isDone {
            var status = Z_OK
            var produced = 0
            part.withUnsafeBufferPointer { input in
                chunk.withUnsafeMutableBufferPointer { buffer in
                    stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress.map { $0 + consumed })
                    stream.pointee.avail_in = UInt32(input.count - consumed)
                    stream.pointee.next_out = buffer.baseAddress
                    stream.pointee.avail_out = UInt32(buffer.count)
                    status = deflate(stream, flush)
                    consumed = input.count - Int(stream.pointee.avail_in)
                    produced = buffer.count - Int(stream.pointee.avail_out)
                }
            }
            output.append(contentsOf: chunk[..<produced])
            switch status {
            case Z_STREAM_END: isDone = true
            // Room left in the output: everything that was given is taken.
            case Z_OK, Z_BUF_ERROR: isDone = flush != Z_FINISH && produced < chunk.count
            default: throw .invalidData
            }
        }
    }
}
