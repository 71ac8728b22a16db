import BinaryReading
import Synchronization

/// A range of another source as an image of its own.
public struct SourceSlice: BinarySource {
    private let source: any BinarySource
    private let start: UInt64
    public let size: UInt64

    /// Nil for a range that does not lie in `source`.
    public init?(_ source: any BinarySource, offset: UInt64, size: UInt64) {
        guard offset <= source.size, size <= source.size - offset else { return nil }
        self.source = source
        start = offset
        self.size = size
    }

    public func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(BinarySourceError) {
        try requireRange(at: offset, count: buffer.count)
        try source.read(at: start &+ offset, into: buffer)
    }
}

extension ELFFile {
    /// What a section holds, unpacked when it is first read if it is compressed. Nil when the file has no such section
    /// or none of its bytes.
    ///
    /// Source: System V ABI, "Section Compression" (Elf64_Chdr); for `.zdebug_*` the GNU tools, which write "ZLIB" and
    /// the size as a big-endian number before the data.
    /// - Parameter name: with its dot, as it is called where it is not compressed.
    public func sectionContents(_ name: String) -> (any BinarySource)? {
        if let section = section(name), section.type != ELFSection.noBits {
            guard let slice = SourceSlice(source, offset: section.offset, size: section.size) else { return nil }
            return section.isCompressed ? CompressedSection(slice) : slice
        }
        guard name.hasPrefix(".debug_"), let section = section(".z" + name.dropFirst()),
            section.type != ELFSection.noBits,
            let slice = SourceSlice(source, offset: section.offset, size: section.size)
        else { return nil }
        return CompressedSection(gnuStyle: slice)
    }
}

/// A section that is unpacked when it is first read: into memory when it is small, else into a temporary file, so that
/// looking around in a large one neither holds memory nor unpacks it again.
public final class CompressedSection: BinarySource {
    /// Compression methods of `ch_type`.
    private static let formats: [UInt32: Decompression.Format] = [1: .zlib, 2: .zstd]

    private enum State {
        case packed
        case unpacked(any BinarySource)
        case failed(BinarySourceError)
    }

    public let size: UInt64
    private let packed: SourceSlice
    private let format: Decompression.Format
    private let state = Mutex(State.packed)

    /// - Parameter section: Elf64_Chdr and data. Nil for a compression that is not known.
    public init?(_ section: SourceSlice) {
        guard section.size > 24, let header = try? section.read(at: 0, count: 24),
            let fields = try? header.withByteReader({ (reader) throws(ReadError) in
                let type = try reader.read(UInt32.self, "ch_type")
                try reader.skip(4, "ch_reserved")
                return (type: type, size: try reader.read(UInt64.self, "ch_size"))
            }), let format = Self.formats[fields.type], fields.size <= Inflation.limitBytes,
            let packed = SourceSlice(section, offset: 24, size: section.size - 24)
        else { return nil }
        size = fields.size
        self.packed = packed
        self.format = format
    }

    /// - Parameter section: of the older form.
    public init?(gnuStyle section: SourceSlice) {
        guard section.size > 12, let header = try? section.read(at: 0, count: 12),
            header.starts(with: [0x5a, 0x4c, 0x49, 0x42]),
            let packed = SourceSlice(section, offset: 12, size: section.size - 12)
        else { return nil }
        size = header[4...].reduce(0) { $0 << 8 | UInt64($1) }
        self.packed = packed
        format = .zlib
        if size > Inflation.limitBytes { return nil }
    }

    public func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(BinarySourceError) {
        try requireRange(at: offset, count: buffer.count)
        let source = state.withLock { state -> Result<any BinarySource, BinarySourceError> in
            switch state {
            case .unpacked(let source): return .success(source)
            case .failed(let error): return .failure(error)
            case .packed:
                do throws(BinarySourceError) {
                    let source = try Inflation.unpack(packed, format, sizeBytes: size)
                    state = .unpacked(source)
                    return .success(source)
                } catch {
                    state = .failed(error)
                    return .failure(error)
                }
            }
        }
        try source.get().read(at: offset, into: buffer)
    }
}
