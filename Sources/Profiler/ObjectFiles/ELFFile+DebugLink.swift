import BinaryReading

/// The contents of `.gnu_debuglink`: which file has the symbols that were taken out of this one.
public struct DebugLink: Equatable, Sendable {
    /// A file name without folders.
    public var fileName: String
    /// Of the whole debug file.
    public var crc32: UInt32
}

extension ELFFile {
    /// Source of the format: GDB's manual, "Separate Debug Files". Nil too for a name that would lead elsewhere.
    public func debugLink() -> DebugLink? {
        guard let section = section(".gnu_debuglink"), let bytes = try? contents(of: section, limitBytes: 4096) else {
            return nil
        }
        return try? bytes.withByteReader { (reader) throws(ReadError) in
            let name = try reader.readCString(limit: 255, "debug link")
            try reader.seek(to: (reader.position + 3) & ~3, "debug link")
            let crc32 = try reader.read(UInt32.self, "debug link's CRC")
            if name.isEmpty || name == "." || name == ".." || name.utf8.contains(UInt8(ascii: "/")) { return nil }
            return DebugLink(fileName: name, crc32: crc32)
        }
    }
}
