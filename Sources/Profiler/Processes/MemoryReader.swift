import CPerfEvents
import Glibc

/// Why memory of a process could not be read.
public struct MemoryReadError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: Sendable, Equatable {
        /// The process ended.
        case gone
        /// CAP_SYS_PTRACE is missing, or a security module forbids it.
        case notPermitted
        /// Not all of the range is mapped and readable.
        case unreadable
        /// The caller's limit for a length, or this module's, is exceeded.
        case limitExceeded
    }

    public var kind: Kind
    /// Process address of the first byte asked for.
    public var address: UInt64

    public init(_ kind: Kind, at address: UInt64) {
        self.kind = kind
        self.address = address
    }

    public var description: String {
        let reason =
            switch kind {
            case .gone: "the process ended"
            case .notPermitted: "not permitted, CAP_SYS_PTRACE is needed"
            case .unreadable: "not all of it is readable"
            case .limitExceeded: "longer than allowed"
            }
        return "memory at 0x\(String(address, radix: 16)): \(reason)"
    }
}

/// Memory of a process, live or recorded.
public protocol MemoryReader {
    /// Fills `buffer` with the bytes at `address`, all of them or none.
    func read(at address: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(MemoryReadError)
}

/// Most that one call of `readBytes` returns.
public let maximumMemoryReadBytes = 64 << 20

extension MemoryReader {
    /// Reads a fixed-width little-endian integer.
    public func read<Value: FixedWidthInteger>(
        at address: UInt64, as _: Value.Type = Value.self
    ) throws(MemoryReadError) -> Value {
        var value: Value = 0
        try readInto(&value, at: address)
        return Value(littleEndian: value)
    }

    private func readInto<Value: FixedWidthInteger>(
        _ value: inout Value, at address: UInt64
    ) throws(MemoryReadError) {
        var failure: MemoryReadError?
        withUnsafeMutableBytes(of: &value) { buffer in
            do throws(MemoryReadError) { try read(at: address, into: buffer) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Reads `count` bytes, at most `maximumMemoryReadBytes`.
    public func readBytes(at address: UInt64, count: Int) throws(MemoryReadError) -> [UInt8] {
        guard count >= 0, count <= maximumMemoryReadBytes else { throw MemoryReadError(.limitExceeded, at: address) }
        var failure: MemoryReadError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(MemoryReadError) {
                if count > 0 {
                    let bytes = UnsafeMutableRawBufferPointer(buffer)
                    try read(at: address, into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<count]))
                }
                initialized = count
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Reads the bytes before the next NUL, at most `limit` of them. Never touches a page after the NUL's.
    public func readCString(at address: UInt64, limit: Int = 4096) throws(MemoryReadError) -> [UInt8] {
        var bytes: [UInt8] = []
        var position = address
        var step = 256
        while bytes.count <= limit {
            let untilPageEnd = 4096 - Int(position & 4095)
            let chunk: [UInt8]
            do throws(MemoryReadError) {
                chunk = try readBytes(at: position, count: min(untilPageEnd, step, limit &- bytes.count &+ 1))
            } catch {
                // Recorded memory may end inside a page.
                guard error.kind == .unreadable, step > 1 else { throw error }
                step = 1
                continue
            }
            if let end = chunk.firstIndex(of: 0) { return bytes + chunk[..<end] }
            bytes += chunk
            position = position &+ UInt64(chunk.count)
        }
        throw MemoryReadError(.limitExceeded, at: address)
    }
}

/// Memory of a live process, by process_vm_readv(2).
public struct RemoteMemory: MemoryReader, Sendable {
    public let pid: ProcessID

    public init(pid: ProcessID) {
        self.pid = pid
    }

    public func read(at address: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(MemoryReadError) {
        guard let destination = buffer.baseAddress, !buffer.isEmpty else { return }
        let count = otelcol_read_process_memory(pid, address, destination, buffer.count)
        if count == buffer.count { return }
        let kind: MemoryReadError.Kind =
            switch Int32(clamping: -count) {
            case ESRCH: .gone
            case EPERM: .notPermitted
            default: .unreadable
            }
        throw MemoryReadError(kind, at: address)
    }
}

/// Memory recorded earlier, or made up, for tests.
public struct RecordedMemory: MemoryReader, Sendable {
    private var segments: [(address: UInt64, bytes: [UInt8])] = []

    public init() {}

    /// Adds bytes at an address; segments must not overlap. Reads may run across segments that touch.
    public mutating func add(_ bytes: [UInt8], at address: UInt64) {
        segments.append((address, bytes))
        segments.sort { $0.address < $1.address }
    }

    public func read(at address: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(MemoryReadError) {
        var done = 0
        for segment in segments where done < buffer.count {
            let position = address &+ UInt64(done)
            guard position >= segment.address, position &- segment.address < UInt64(segment.bytes.count)
            else { continue }
            let rest = segment.bytes[Int(position &- segment.address)...].prefix(buffer.count - done)
            UnsafeMutableRawBufferPointer(rebasing: buffer[done...]).copyBytes(from: rest)
            done += rest.count
        }
        if done < buffer.count { throw MemoryReadError(.unreadable, at: address) }
    }
}
