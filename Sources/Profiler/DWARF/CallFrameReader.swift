import BinaryReading
import ObjectFiles

/// Where call frame information lies and in which of its two formats.
public struct CallFrameSection: Sendable {
    public enum Format: Sendable {
        /// `.eh_frame` (Linux Standard Base Core 5.0, "Exception Frames").
        case exceptionFrames
        /// `.debug_frame` (DWARF 5 §6.4.1).
        case debugFrames
    }

    public var format: Format
    /// ELF address of the section; needed for `.eh_frame` only.
    public var address: UInt64
    /// Offset in the source that the bytes are read from.
    public var sourceOffset: UInt64
    /// In bytes; an upper bound if `lastRecordOffset` or `endsAtTerminator` ends it earlier.
    public var size: UInt64
    /// Offset in the section of its last FDE, where the true size is not known.
    public var lastRecordOffset: UInt64?
    /// Whether a record of length 0 ends the section. Where the size is known it does not: linkers may leave such
    /// records in the middle.
    public var endsAtTerminator: Bool
    /// ELF address that text-relative pointers are relative to.
    public var textAddress: UInt64?
    /// ELF address that data-relative pointers are relative to.
    public var dataAddress: UInt64?

    public init(
        format: Format, address: UInt64, sourceOffset: UInt64, size: UInt64, lastRecordOffset: UInt64? = nil,
        endsAtTerminator: Bool = false, textAddress: UInt64? = nil, dataAddress: UInt64? = nil
    ) {
        self.format = format
        self.address = address
        self.sourceOffset = sourceOffset
        self.size = size
        self.lastRecordOffset = lastRecordOffset
        self.endsAtTerminator = endsAtTerminator
        self.textAddress = textAddress
        self.dataAddress = dataAddress
    }
}

/// What a reader met on its way.
public struct CallFrameStatistics: Equatable, Sendable {
    /// Functions (FDEs) whose rows were read.
    public var functions = 0
    /// FDEs that were damaged, or belong to a CIE that is not understood.
    public var skippedFunctions = 0
    /// FDEs of code that the linker discarded.
    public var discardedFunctions = 0
    /// The section ended in the middle of a record, or with a record that cannot be.
    public var isTruncated = false

    public init() {}
}

/// One FDE: the rows of the code in `start..<end`.
public struct CallFrameFunction: Equatable, Sendable {
    /// ELF address.
    public var start: UInt64
    /// ELF address, exclusive.
    public var end: UInt64
    /// The code is a signal handler's trampoline (augmentation letter S).
    public var isSignalFrame: Bool

    public init(start: UInt64, end: UInt64, isSignalFrame: Bool) {
        self.start = start
        self.end = end
        self.isSignalFrame = isSignalFrame
    }
}

/// Reads the functions of a section one after the other, with memory that does not grow with the section.
///
/// A damaged FDE is skipped and counted; only the source's own errors are thrown.
public struct CallFrameReader: ~Copyable {
    /// Records are a few hundred bytes; functions with huge jump tables reach some ten thousand.
    private static let recordLimit = 4 << 20
    /// CIEs are some 30 bytes. The limits keep files that were made for it from exhausting memory or time.
    private static let commonRecordLimit = 4 << 10
    private static let commonLimit = 1 << 16

    private let section: CallFrameSection
    private var window: SectionWindow
    /// For CIEs that lie elsewhere than where the reader is.
    private var commonWindow: SectionWindow
    private var interpreter: CallFrameInterpreter
    private var commons: [UInt64: CallFrameCommon] = [:]
    private var lastCommonOffset: UInt64 = .max
    private var lastCommon = CallFrameCommon()
    /// Offset in the section of the next record.
    private var offset: UInt64 = 0
    public private(set) var statistics = CallFrameStatistics()

    public init(
        _ section: CallFrameSection, architecture: CallFrameArchitecture, source: any BinarySource,
        windowBytes: Int = 128 << 10
    ) {
        self.section = section
        window = SectionWindow(
            source, offset: section.sourceOffset, size: section.size, capacity: max(64, windowBytes),
            capacityLimit: Self.recordLimit)
        commonWindow = SectionWindow(
            source, offset: section.sourceOffset, size: section.size, capacity: 512,
            capacityLimit: Self.commonRecordLimit)
        interpreter = CallFrameInterpreter(framePointerRegister: architecture.framePointer)
    }

    /// Lends the rows of the function that `next()` returned, sorted by address; the first is at its start.
    public borrowing func withRows<Result>(_ body: (UnsafeBufferPointer<CallFrameRow>) -> Result) -> Result {
        body(UnsafeBufferPointer(start: interpreter.rows, count: interpreter.rowCount))
    }

    /// Moves to the next function; nil at the end of the section.
    public mutating func next() throws(BinarySourceError) -> CallFrameFunction? {
        while let record = try nextRecord() {
            if let last = section.lastRecordOffset, record.offset > last { return nil }
            // The CIE pointer: 0 or all ones mark a CIE.
            if record.commonPointer == record.commonMark {
                // Parsed when an FDE refers to it.
                continue
            }
            let commonOffset: UInt64 =
                section.format == .exceptionFrames
                ? record.pointerOffset &- record.commonPointer : record.commonPointer
            if commonOffset != lastCommonOffset {
                lastCommon = try common(at: commonOffset)
                lastCommonOffset = commonOffset
            }
            guard lastCommon.isUsable else {
                statistics.skippedFunctions += 1
                continue
            }
            // The look-up of the CIE does not move the window.
            guard let bytes = try window.bytes(at: record.bodyOffset, count: record.bodyLength) else {
                statistics.isTruncated = true
                return nil
            }
            var reader = ByteReader(bytes, origin: Int(truncatingIfNeeded: record.bodyOffset))
            do throws(ReadError) {
                if let function = try readFunction(&reader) {
                    statistics.functions += 1
                    return function
                }
                statistics.discardedFunctions += 1
            } catch {
                statistics.skippedFunctions += 1
            }
        }
        return nil
    }

    private struct Record {
        var offset: UInt64
        var pointerOffset: UInt64
        var commonPointer: UInt64
        var commonMark: UInt64
        var bodyOffset: UInt64
        var bodyLength: Int
    }

    /// Reads the head of the record at `offset` and moves `offset` behind it; nil at the end of the section.
    private mutating func nextRecord() throws(BinarySourceError) -> Record? {
        while offset < window.size {
            let start = offset
            guard let head = try window.bytes(at: start, count: 4) else { return truncated() }
            let shortLength = UInt32(littleEndian: head.loadUnaligned(as: UInt32.self))
            if shortLength == 0 {
                if section.endsAtTerminator { return nil }
                offset += 4
                continue
            }
            var length = UInt64(shortLength)
            var headBytes: UInt64 = 4
            if shortLength == 0xffff_ffff {
                guard let head = try window.bytes(at: start, count: 12) else { return truncated() }
                length = UInt64(littleEndian: head.loadUnaligned(fromByteOffset: 4, as: UInt64.self))
                headBytes = 12
            }
            guard length >= 4, length <= window.size - start, headBytes + length <= window.size - start else {
                return truncated()
            }
            offset = start + headBytes + length
            let pointerOffset = start + headBytes
            // .eh_frame keeps a 4-byte CIE pointer in its 64-bit form too (LSB 5.0 Core, 10.6.1.1).
            let isWide = headBytes == 12 && section.format == .debugFrames
            let pointerBytes: UInt64 = isWide ? 8 : 4
            guard length >= pointerBytes, length <= UInt64(Self.recordLimit),
                let bytes = try window.bytes(at: pointerOffset, count: Int(pointerBytes))
            else {
                statistics.skippedFunctions += 1
                continue
            }
            let pointer: UInt64
            let mark: UInt64
            if isWide {
                pointer = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
                mark = .max
            } else {
                pointer = UInt64(UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self)))
                mark = section.format == .exceptionFrames ? 0 : 0xffff_ffff
            }
            return Record(
                offset: start, pointerOffset: pointerOffset, commonPointer: pointer, commonMark: mark,
                bodyOffset: pointerOffset + pointerBytes, bodyLength: Int(length - pointerBytes))
        }
        return nil
    }

    private mutating func truncated() -> Record? {
        statistics.isTruncated = true
        offset = .max
        return nil
    }

    /// Reads an FDE behind its CIE pointer; nil if its code was discarded.
    private mutating func readFunction(_ reader: inout ByteReader) throws(ReadError) -> CallFrameFunction? {
        var bases = PointerBases(
            sectionAddress: section.address, textAddress: section.textAddress, dataAddress: section.dataAddress)
        let encoding = lastCommon.pointerEncoding
        let start = try bases.read(encoding, &reader)
        let length = try encoding.readLength(&reader)
        if lastCommon.hasAugmentationData {
            let augmentationBytes = try reader.readULEB128("augmentation length")
            guard let augmentationBytes = Int(exactly: augmentationBytes) else {
                throw ReadError(.insufficientData, at: reader.absolutePosition, reading: "augmentation")
            }
            try reader.skip(augmentationBytes, "augmentation")
        }
        // Linkers leave the FDEs of discarded code with an address of 0 or 1, lld with -1 or -2.
        if start <= 1 || start >= UInt64.max - 1 || length == 0 { return nil }
        let (end, overflow) = start.addingReportingOverflow(length)
        if overflow { throw ReadError(.invalidValue, at: reader.absolutePosition, reading: "function length") }
        bases.functionAddress = start
        try interpreter.run(&reader, lastCommon, start: start, end: end, pointerBases: bases)
        return CallFrameFunction(start: start, end: end, isSignalFrame: lastCommon.isSignalFrame)
    }

    private mutating func common(at offset: UInt64) throws(BinarySourceError) -> CallFrameCommon {
        if let common = commons[offset] { return common }
        var common = CallFrameCommon()
        common.isUsable = false
        if let parsed = try parseCommon(at: offset) { common = parsed }
        // A CIE that is needed again is read again.
        if commons.count >= Self.commonLimit { commons.removeAll(keepingCapacity: true) }
        commons[offset] = common
        return common
    }

    /// Reads a CIE; nil if it is damaged or not understood.
    private mutating func parseCommon(at start: UInt64) throws(BinarySourceError) -> CallFrameCommon? {
        guard let head = try commonWindow.bytes(at: start, count: 4) else { return nil }
        var length = UInt64(UInt32(littleEndian: head.loadUnaligned(as: UInt32.self)))
        var headBytes: UInt64 = 4
        if length == 0xffff_ffff {
            guard let head = try commonWindow.bytes(at: start, count: 12) else { return nil }
            length = UInt64(littleEndian: head.loadUnaligned(fromByteOffset: 4, as: UInt64.self))
            headBytes = 12
        }
        guard length <= UInt64(Self.commonRecordLimit),
            let bytes = try commonWindow.bytes(at: start + headBytes, count: Int(length))
        else { return nil }
        let isWide = headBytes == 12 && section.format == .debugFrames
        var reader = ByteReader(bytes, origin: Int(truncatingIfNeeded: start + headBytes))
        do throws(ReadError) {
            return try parseCommon(&reader, isWide: isWide)
        } catch {
            return nil
        }
    }

    private mutating func parseCommon(
        _ reader: inout ByteReader, isWide: Bool
    ) throws(ReadError) -> CallFrameCommon? {
        let identifier = isWide ? try reader.read(UInt64.self) : UInt64(try reader.read(UInt32.self))
        let mark: UInt64 = section.format == .exceptionFrames ? 0 : isWide ? .max : 0xffff_ffff
        guard identifier == mark else { return nil }
        let version = try reader.read(UInt8.self, "CIE version")
        guard version == 1 || version == 3 || version == 4 else { return nil }
        let augmentation = try reader.readCString(limit: 64, "augmentation")
        var common = CallFrameCommon()
        var letters = augmentation.utf8[...]
        // Written by GCC 2: a pointer to exception data follows.
        if augmentation == "eh" {
            try reader.skip(8, "exception data")
            letters = letters.dropFirst(2)
        }
        if version == 4 {
            let addressBytes = try reader.read(UInt8.self, "address size")
            let segmentBytes = try reader.read(UInt8.self, "segment selector size")
            guard addressBytes == 8, segmentBytes == 0 else { return nil }
        }
        common.codeAlignment = try reader.readULEB128("code alignment")
        common.dataAlignment = try reader.readSLEB128("data alignment")
        common.returnAddressRegister =
            version == 1
            ? UInt64(try reader.read(UInt8.self, "return address register"))
            : try reader.readULEB128("return address register")
        if letters.first == UInt8(ascii: "z") {
            letters = letters.dropFirst()
            common.hasAugmentationData = true
            let length = try reader.readULEB128("augmentation length")
            guard let length = Int(exactly: length) else { return nil }
            var data = try reader.slice(length, "augmentation")
            for letter in letters {
                switch letter {
                case UInt8(ascii: "R"):
                    common.pointerEncoding = PointerEncoding(rawValue: try data.read(UInt8.self, "pointer encoding"))
                case UInt8(ascii: "L"):
                    try data.skip(1, "language data encoding")
                case UInt8(ascii: "P"):
                    try Self.skipPersonality(&data, sectionAddress: section.address)
                case UInt8(ascii: "S"):
                    common.isSignalFrame = true
                case UInt8(ascii: "B"), UInt8(ascii: "G"):
                    // arm64: signed with key B; a frame with tagged memory. Neither changes where things are.
                    break
                default:
                    return nil
                }
            }
        } else if !letters.isEmpty {
            return nil
        }
        common.initial = try interpreter.runInitial(&reader, common)
        return common
    }

    /// The personality routine's pointer may be indirect, which does not matter for its length.
    private static func skipPersonality(_ data: inout ByteReader, sectionAddress: UInt64) throws(ReadError) {
        let encoding = PointerEncoding(rawValue: try data.read(UInt8.self, "personality encoding"))
        if encoding == .omitted { return }
        if encoding.application == 0x50 {
            let place = sectionAddress &+ UInt64(truncatingIfNeeded: data.absolutePosition)
            try data.skip(Int(truncatingIfNeeded: (0 &- place) & 7), "pointer alignment")
        }
        _ = try encoding.readValue(&data)
    }
}
