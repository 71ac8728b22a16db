import BinaryReading
import ObjectFiles

/// The table in `.eh_frame_hdr` that leads to `.eh_frame` in files without section headers (Linux Standard Base Core
/// 5.0, "The .eh_frame_hdr section"); the program header PT_GNU_EH_FRAME points to it.
public struct ExceptionFrameHeader: Equatable, Sendable {
    /// ELF address of `.eh_frame`.
    public var framesAddress: UInt64
    /// How many FDEs the search table lists; 0 when there is no table.
    public var functionCount: UInt64
    /// ELF address of the FDE that lies last in `.eh_frame`, where the table tells.
    public var lastFunctionRecordAddress: UInt64?

    /// Reads the header.
    ///
    /// - Parameters:
    ///   - address: ELF address of the header.
    ///   - sourceOffset: where its bytes start in the source.
    ///   - size: in bytes, as the program header states it.
    /// - Returns: nil if the header is damaged or of an unknown version.
    public static func read(
        address: UInt64, sourceOffset: UInt64, size: UInt64, source: any BinarySource
    ) throws(BinarySourceError) -> ExceptionFrameHeader? {
        var window = SectionWindow(
            source, offset: sourceOffset, size: size, capacity: 32 << 10, capacityLimit: 32 << 10)
        // Version, three encodings and two pointers of at most ten bytes each.
        guard let head = try window.bytes(at: 0, count: Int(min(size, 24))) else { return nil }
        var reader = ByteReader(head)
        let bases = PointerBases(sectionAddress: address, dataAddress: address)
        var header: ExceptionFrameHeader
        let tableEncoding: PointerEncoding
        let tableOffset: Int
        do throws(ReadError) {
            guard try reader.read(UInt8.self) == 1 else { return nil }
            let framesEncoding = PointerEncoding(rawValue: try reader.read(UInt8.self))
            let countEncoding = PointerEncoding(rawValue: try reader.read(UInt8.self))
            tableEncoding = PointerEncoding(rawValue: try reader.read(UInt8.self))
            let framesAddress = try bases.read(framesEncoding, &reader)
            header = ExceptionFrameHeader(framesAddress: framesAddress, functionCount: 0)
            if countEncoding == .omitted || tableEncoding == .omitted { return header }
            header.functionCount = try bases.read(countEncoding, &reader)
            tableOffset = reader.position
        } catch {
            return nil
        }
        // All linkers write pairs of signed 4-byte distances from the header.
        guard tableEncoding.rawValue == 0x3b, size >= UInt64(tableOffset) else {
            header.functionCount = 0
            return header
        }
        let count = min(header.functionCount, (size - UInt64(tableOffset)) / 8)
        header.functionCount = count
        var last: UInt64 = 0
        for index in 0..<count {
            guard let pair = try window.bytes(at: UInt64(tableOffset) + index * 8, count: 8) else { break }
            let distance = Int32(littleEndian: pair.loadUnaligned(fromByteOffset: 4, as: Int32.self))
            last = max(last, address &+ UInt64(bitPattern: Int64(distance)))
        }
        if last >= header.framesAddress, count > 0 { header.lastFunctionRecordAddress = last }
        return header
    }
}
