import BinaryReading

extension ELFFile {
    /// Bytes of a segment that are searched where no section tells of the build information.
    private static let goSearchLimitBytes: UInt64 = 1 << 20

    /// The release of Go that a program was built with: 27 for `go1.27.3`. Nil where it does not say so, or is a
    /// development version.
    ///
    /// Source: Go's `debug/buildinfo/buildinfo.go`. Since Go 1.18 the text itself follows, before that its address.
    package func goRelease() -> Int? {
        if let section = section(".go.buildinfo") { return goRelease(from: section.offset, section.size) }
        for segment in segments where segment.type == ELFSegment.load && segment.isWritable {
            if let found = goRelease(from: segment.offset, min(segment.fileSize, Self.goSearchLimitBytes)) {
                return found
            }
        }
        return nil
    }

    private func goRelease(from offset: UInt64, _ size: UInt64) -> Int? {
        let magic = Array("\u{ff} Go buildinf:".unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) })
        guard size <= Self.goSearchLimitBytes, let bytes = try? source.read(at: offset, count: Int(size)) else {
            return nil
        }
        for start in stride(from: 0, to: bytes.count, by: 16)
        where start + 32 <= bytes.count && bytes[start..<(start + magic.count)].elementsEqual(magic) {
            if bytes[start + 15] & 2 != 0 {
                guard let length = bytes[(start + 32)...].first.map(Int.init), length < 0x80,
                    start + 33 + length <= bytes.count
                else { return nil }
                return Self.goRelease(bytes[(start + 33)..<(start + 33 + length)])
            }
            guard bytes[start + 14] == 8, bytes[start + 15] == 0 else { return nil }
            func word(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
            let place = word(bytes[(start + 16)..<(start + 24)])
            guard let header = try? read(atAddress: place, count: 16), word(header[8...]) < 0x80,
                let text = try? read(atAddress: word(header[..<8]), count: Int(word(header[8...])))
            else { return nil }
            return Self.goRelease(text[...])
        }
        return nil
    }

    private static func goRelease(_ text: ArraySlice<UInt8>) -> Int? {
        let text = String(decoding: text, as: UTF8.self)
        guard text.hasPrefix("go1.") else { return nil }
        return Int(text.dropFirst(4).prefix { $0.isASCII && $0.isNumber })
    }
}
