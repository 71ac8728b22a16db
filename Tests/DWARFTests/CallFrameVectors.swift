import DWARF
import ObjectFiles

/// Assembles `.eh_frame` and `.debug_frame` sections by hand.
struct CallFrameVectors {
    var bytes: [UInt8] = []
    static let sectionAddress: UInt64 = 0x1000

    static func word<T: FixedWidthInteger>(_ value: T) -> [UInt8] { withUnsafeBytes(of: value.littleEndian, Array.init) }

    static func uleb(_ value: UInt64) -> [UInt8] {
        var value = value
        var bytes: [UInt8] = []
        repeat {
            bytes.append(UInt8(value & 0x7f) | (value > 0x7f ? 0x80 : 0))
            value >>= 7
        } while value > 0
        return bytes
    }

    private mutating func append(_ body: [UInt8], isWide: Bool) {
        let padded = body + [UInt8](repeating: 0, count: (8 - body.count % 8) % 8)
        bytes += isWide ? [0xff, 0xff, 0xff, 0xff] + Self.word(UInt64(padded.count)) : Self.word(UInt32(padded.count))
        bytes += padded
    }

    /// Appends a CIE and returns its offset. Default instructions: CFA = rsp + 8, return address at CFA - 8.
    mutating func addCommon(
        version: UInt8 = 1, augmentation: String = "zR", augmentationData: [UInt8] = [0x00],
        codeAlignment: UInt64 = 1, dataAlignment: UInt8 = 0x78, returnAddress: UInt8 = 16,
        instructions: [UInt8] = [0x0c, 7, 8, 0x90, 1], isDebug: Bool = false, isWide: Bool = false
    ) -> Int {
        let offset = bytes.count
        var body: [UInt8] =
            isDebug ? [UInt8](repeating: 0xff, count: isWide ? 8 : 4) : [0, 0, 0, 0]
        body += [version] + Array(augmentation.utf8) + [0]
        if version == 4 { body += [8, 0] }
        body += Self.uleb(codeAlignment) + [dataAlignment, returnAddress]
        if augmentation.hasPrefix("z") { body += Self.uleb(UInt64(augmentationData.count)) + augmentationData }
        append(body + instructions, isWide: isWide)
        return offset
    }

    /// Appends an FDE with absolute addresses, or with `location` as it is.
    mutating func addFunction(
        common: Int, start: UInt64 = 0x40_0000, length: UInt64 = 0x100, location: [UInt8]? = nil,
        hasAugmentation: Bool = true, instructions: [UInt8], isDebug: Bool = false, isWide: Bool = false
    ) {
        let pointer = bytes.count + (isWide ? 12 : 4)
        var body: [UInt8]
        if isDebug {
            body = isWide ? Self.word(UInt64(common)) : Self.word(UInt32(common))
        } else {
            body = Self.word(UInt32(pointer - common))
        }
        body += location ?? Self.word(start) + Self.word(length)
        if hasAugmentation { body.append(0) }
        append(body + instructions, isWide: isWide)
    }

    struct Result: Equatable {
        var functions: [CallFrameFunction] = []
        var rows: [[CallFrameRow]] = []
        var statistics = CallFrameStatistics()
    }

    func read(
        architecture: CallFrameArchitecture = .x86_64, isDebug: Bool = false, windowBytes: Int = 64,
        endsAtTerminator: Bool = false
    ) throws -> Result {
        let section = CallFrameSection(
            format: isDebug ? .debugFrames : .exceptionFrames, address: Self.sectionAddress, sourceOffset: 0,
            size: UInt64(bytes.count), endsAtTerminator: endsAtTerminator, textAddress: 0x20_0000,
            dataAddress: 0x30_0000)
        var reader = CallFrameReader(
            section, architecture: architecture, source: MemorySource(bytes), windowBytes: windowBytes)
        var result = Result()
        while let function = try reader.next() {
            result.functions.append(function)
            result.rows.append(reader.withRows { Array($0) })
        }
        result.statistics = reader.statistics
        return result
    }

    /// The rows of one function with these instructions, addresses relative to its start.
    static func rows(
        _ instructions: [UInt8], architecture: CallFrameArchitecture = .x86_64, common: [UInt8]? = nil,
        codeAlignment: UInt64 = 1
    ) throws -> [CallFrameRow]? {
        var vectors = CallFrameVectors()
        let returnAddress: UInt8 = architecture == .x86_64 ? 16 : 30
        let initial: [UInt8] = architecture == .x86_64 ? [0x0c, 7, 8, 0x90, 1] : [0x0c, 31, 0]
        let common = vectors.addCommon(
            codeAlignment: codeAlignment, returnAddress: returnAddress, instructions: common ?? initial)
        vectors.addFunction(common: common, instructions: instructions)
        return try vectors.read(architecture: architecture).rows.first?.map {
            CallFrameRow(address: $0.address - 0x40_0000, state: $0.state)
        }
    }
}
