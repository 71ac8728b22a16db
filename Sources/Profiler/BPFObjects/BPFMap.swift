import CLibBPF
import Glibc

/// A kernel map. The descriptor belongs to whoever made it; a `BPFMap` is a plain reference and may be used from any
/// thread: the kernel serialises updates.
public struct BPFMap: Sendable {
    public let descriptor: Int32
    public let name: String

    public init(descriptor: Int32, name: String) {
        self.descriptor = descriptor
        self.name = name
    }

    /// Writes the value of a key. `Key` and `Value` are the C structs of `abi.h`, as large as the map's.
    public func update<Key: BitwiseCopyable, Value: BitwiseCopyable>(
        _ key: Key, _ value: Value
    ) throws(BPFError) {
        let result = withUnsafePointer(to: key) { key in
            withUnsafePointer(to: value) { value in bpf_map_update_elem(descriptor, key, value, UInt64(BPF_ANY)) }
        }
        if result != 0 { throw BPFError(action: "update map \(name)", errorNumber: -result) }
    }

    /// Writes a value of raw bytes, as many as the map's values have.
    public func update<Key: BitwiseCopyable>(_ key: Key, bytes: UnsafeRawBufferPointer) throws(BPFError) {
        let result = withUnsafePointer(to: key) { key in
            bpf_map_update_elem(descriptor, key, bytes.baseAddress, UInt64(BPF_ANY))
        }
        if result != 0 { throw BPFError(action: "update map \(name)", errorNumber: -result) }
    }

    /// Removes a key; a key that is not there is no error.
    public func remove<Key: BitwiseCopyable>(_ key: Key) throws(BPFError) {
        let result = withUnsafePointer(to: key) { key in bpf_map_delete_elem(descriptor, key) }
        if result != 0, -result != ENOENT { throw BPFError(action: "delete from map \(name)", errorNumber: -result) }
    }

    /// Reads a key's value into `bytes`, which must have the size of the map's values. False when the key is not there.
    public func lookup<Key: BitwiseCopyable>(
        _ key: Key, into bytes: UnsafeMutableRawBufferPointer
    ) throws(BPFError) -> Bool {
        let result = withUnsafePointer(to: key) { key in bpf_map_lookup_elem(descriptor, key, bytes.baseAddress) }
        if result == 0 { return true }
        if -result == ENOENT { return false }
        throw BPFError(action: "read map \(name)", errorNumber: -result)
    }
}
