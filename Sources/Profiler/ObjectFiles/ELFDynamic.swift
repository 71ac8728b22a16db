import BinaryReading

/// The entries of PT_DYNAMIC that a profiler needs. Addresses are ELF virtual addresses.
public struct ELFDynamicSection: Sendable {
    public var symbolTableAddress: UInt64?
    public var stringTableAddress: UInt64?
    public var stringTableSize: UInt64?
    public var hashAddress: UInt64?
    public var gnuHashAddress: UInt64?
    /// Offset of DT_SONAME in the string table.
    public var sharedNameOffset: UInt64?

    static let limitBytes = 1 << 20
    /// Of hash buckets, and of symbols in one bucket; honest files have as many buckets as symbols and short chains.
    private static let bucketLimit: UInt32 = 8_000_000
    private static let chainLimit: UInt64 = 1 << 20

    init(_ bytes: [UInt8]) {
        try? bytes.withByteReader { (reader) throws(ReadError) in
            while reader.remaining >= 16 {
                let tag = try reader.read(UInt64.self, "d_tag")
                let value = try reader.read(UInt64.self, "d_val")
                switch tag {
                case 0: return
                case 4: hashAddress = value
                case 5: stringTableAddress = value
                case 6: symbolTableAddress = value
                case 10: stringTableSize = value
                case 14: sharedNameOffset = value
                case 0x6fff_fef5: gnuHashAddress = value
                default: break
                }
            }
        }
    }

    func symbolTable(in file: ELFFile) -> ELFSymbolTableLocation? {
        guard let symbolTableAddress, let stringTableAddress, let stringTableSize,
            let symbols = file.fileRange(ofAddress: symbolTableAddress),
            let strings = file.fileRange(ofAddress: stringTableAddress)
        else { return nil }
        let fitting = symbols.count / UInt64(ELFSymbol.entryBytes)
        guard let count = (try? symbolCount(in: file)) ?? nil, count > 0 else { return nil }
        return file.location(
            offset: symbols.offset, count: min(count, fitting), stringsOffset: strings.offset,
            stringsSize: min(stringTableSize, strings.count))
    }

    /// The dynamic section has no count of symbols: DT_HASH's nchain is one, DT_GNU_HASH's last chain ends with one.
    private func symbolCount(in file: ELFFile) throws(ELFError) -> UInt64? {
        if let hashAddress {
            let bytes = try file.read(atAddress: hashAddress, count: 8)
            return UInt64(word(bytes, 1))
        }
        guard let gnuHashAddress else { return nil }
        let header = try file.read(atAddress: gnuHashAddress, count: 16)
        let (buckets, firstHashed, bloomWords) = (word(header, 0), word(header, 1), word(header, 2))
        let bucketsAddress = gnuHashAddress &+ 16 &+ 8 &* UInt64(bloomWords)
        let chainsAddress = bucketsAddress &+ 4 &* UInt64(buckets)
        guard buckets <= Self.bucketLimit else {
            throw ELFError(.limitExceeded, at: gnuHashAddress, reading: "nbuckets")
        }
        var last: UInt32 = 0
        var index: UInt32 = 0
        while index < buckets {
            let count = min(buckets - index, 4096)
            let chunk = try file.read(atAddress: bucketsAddress &+ 4 &* UInt64(index), count: Int(count) * 4)
            for position in 0..<Int(count) { last = max(last, word(chunk, position)) }
            index += count
        }
        if last < firstHashed { return UInt64(firstHashed) }
        // The lowest bit marks the end of a chain.
        let chain = chainsAddress &+ 4 &* UInt64(last - firstHashed)
        guard let rest = file.fileRange(ofAddress: chain) else { return nil }
        var position: UInt64 = 0
        while position < min(rest.count / 4, Self.chainLimit) {
            let count = min(rest.count / 4 - position, 1024)
            let chunk = try file.read(atAddress: chain &+ 4 &* position, count: Int(count) * 4)
            for index in 0..<Int(count) where word(chunk, index) & 1 != 0 {
                return UInt64(last) + position + UInt64(index) + 1
            }
            position += count
        }
        return nil
    }
}

private func word(_ bytes: [UInt8], _ index: Int) -> UInt32 {
    bytes.withUnsafeBytes {
        index * 4 + 4 <= $0.count
            ? UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)) : 0
    }
}

extension ELFFile {
    /// PT_DYNAMIC; nil in static executables.
    public func dynamicSection() -> ELFDynamicSection? {
        guard let segment = segment(ELFSegment.dynamic),
            let bytes = try? contents(of: segment, limitBytes: ELFDynamicSection.limitBytes)
        else { return nil }
        return ELFDynamicSection(bytes)
    }
}
