/// Where the bytes of an object file come from: a file on disk, the memory of a process, a test's array.
///
/// Offsets and sizes are in bytes from the start of the image. Implementations never trap on any offset.
public protocol BinarySource: Sendable {
    /// Size of the image when it was opened, in bytes.
    var size: UInt64 { get }
    /// Fills the whole of `buffer` with the bytes from `offset` on, or throws.
    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(BinarySourceError)
}

extension BinarySource {
    /// Copies `count` bytes from `offset` on. Nothing is allocated before the range is known to lie in the image.
    public func read(at offset: UInt64, count: Int) throws(BinarySourceError) -> [UInt8] {
        try requireRange(at: offset, count: count)
        if count == 0 { return [] }
        var bytes = [UInt8](repeating: 0, count: count)
        try bytes.withUnsafeMutableBufferPointer { (buffer) throws(BinarySourceError) in
            try read(at: offset, into: UnsafeMutableRawBufferPointer(buffer))
        }
        return bytes
    }

    /// Throws unless `[offset, offset + count)` lies in the image.
    @inline(__always)
    public func requireRange(at offset: UInt64, count: Int) throws(BinarySourceError) {
        guard count >= 0, offset <= size, UInt64(count) <= size &- offset else {
            throw BinarySourceError(.outOfBounds, at: offset)
        }
    }
}

/// Why bytes of an object file could not be had.
public struct BinarySourceError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Kind: Equatable, Sendable {
        /// The file cannot be opened; the value is `errno`.
        case openFailed(errno: Int32)
        /// A directory, device, socket or FIFO: reading it could block or have effects.
        case notRegularFile
        /// The kernel refused to read; the value is `errno`.
        case readFailed(errno: Int32)
        /// The range does not lie in the image.
        case outOfBounds
        /// The file has become shorter since it was opened.
        case truncated
    }

    public var kind: Kind
    /// Offset in the image, in bytes; 0 where opening failed.
    public var offset: UInt64

    public init(_ kind: Kind, at offset: UInt64 = 0) {
        self.kind = kind
        self.offset = offset
    }

    public var description: String {
        let position = "offset 0x\(String(offset, radix: 16))"
        return switch kind {
        case .openFailed(let code): "cannot be opened: errno \(code)"
        case .notRegularFile: "is not a regular file"
        case .readFailed(let code): "cannot be read at \(position): errno \(code)"
        case .outOfBounds: "refers to bytes outside of the file at \(position)"
        case .truncated: "has become shorter while it was read, at \(position)"
        }
    }
}

/// An image that lies in memory: a copy of the vDSO, an object that was decompressed, a test's bytes.
public struct MemorySource: BinarySource {
    private let bytes: [UInt8]

    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    public var size: UInt64 { UInt64(bytes.count) }

    public func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(BinarySourceError) {
        try requireRange(at: offset, count: buffer.count)
        if buffer.isEmpty { return }
        let start = Int(offset)
        bytes.withUnsafeBytes {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<(start + buffer.count)]))
        }
    }
}
