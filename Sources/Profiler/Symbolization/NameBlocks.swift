import BinaryReading
import ObjectFiles

/// The files of `NameStore`: eight bytes that tell the version, then blocks, each with its length and CRC-32 before it.
/// A block has its texts first, then addresses with the frames that refer to them. All numbers are little-endian.
package enum NameBlocks {
    /// Raised whenever the format changes, or names do: files of another version count as damaged.
    static let magic = Array("otnames1".utf8)
    private static let languages: [SymbolLanguage] = [
        .unknown, .c, .cxx, .rust, .swift, .d, .go, .fortran, .ada, .assembler,
    ]
    private static let frameLimit = 4096

    package static func block(_ names: [(address: UInt64, name: SymbolizedAddress)]) -> [UInt8] {
        var texts: [String: UInt32] = [:]
        var textBytes: [UInt8] = []
        var entries: [UInt8] = []
        func number(of text: String) -> UInt32 {
            if let known = texts[text] { return known }
            let number = UInt32(texts.count)
            texts[text] = number
            let utf8 = Array(text.utf8.prefix(Int(UInt16.max)))
            put(UInt16(utf8.count), to: &textBytes)
            textBytes += utf8
            return number
        }
        for (address, name) in names {
            put(address, to: &entries)
            put(name.functionStart ?? .max, to: &entries)
            let frames = name.frames.prefix(frameLimit)
            put(UInt16(frames.count), to: &entries)
            for frame in frames {
                for text in [frame.functionName, frame.systemName, frame.fileName] {
                    put(number(of: text), to: &entries)
                }
                for value in [frame.line, frame.column, frame.startLine] { put(value, to: &entries) }
                entries.append(UInt8(languages.firstIndex(of: frame.language) ?? 0))
            }
        }
        var payload: [UInt8] = []
        put(UInt32(texts.count), to: &payload)
        payload += textBytes
        put(UInt32(names.count), to: &payload)
        payload += entries
        var block: [UInt8] = []
        put(UInt32(payload.count), to: &block)
        put(CRC32.of(payload), to: &block)
        return block + payload
    }

    private static func put<Number: FixedWidthInteger>(_ number: Number, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// Throws for anything that `block` does not write.
    package static func read(_ bytes: [UInt8]) throws(ReadError) -> [UInt64: SymbolizedAddress] {
        var names: [UInt64: SymbolizedAddress] = [:]
        try bytes.withByteReader { (reader) throws(ReadError) in
            guard try reader.readBytes(magic.count, "version of kept names") == magic else {
                throw ReadError(.invalidValue, at: 0, reading: "version of kept names")
            }
            while !reader.isAtEnd {
                let length = Int(try reader.read(UInt32.self, "length of a block"))
                let checksum = try reader.read(UInt32.self, "checksum of a block")
                var block = try reader.slice(length, "block of names")
                var check = block
                guard CRC32.of(try check.readBytes(length, "block of names")) == checksum else {
                    throw ReadError(.invalidValue, at: block.absolutePosition, reading: "checksum of a block")
                }
                try readBlock(&block, into: &names)
            }
        }
        return names
    }

    private static func readBlock(
        _ reader: inout ByteReader, into names: inout [UInt64: SymbolizedAddress]
    ) throws(ReadError) {
        let textCount = Int(try reader.read(UInt32.self, "count of texts"))
        var texts: [String] = []
        while texts.count < textCount {
            let length = Int(try reader.read(UInt16.self, "length of a text"))
            texts.append(String(decoding: try reader.readBytes(length, "text"), as: UTF8.self))
        }
        func text(_ reader: inout ByteReader) throws(ReadError) -> String {
            let number = Int(try reader.read(UInt32.self, "number of a text"))
            guard number < texts.count else {
                throw ReadError(.invalidValue, at: reader.absolutePosition, reading: "number of a text")
            }
            return texts[number]
        }
        for _ in 0..<(try reader.read(UInt32.self, "count of addresses")) {
            let address = try reader.read(UInt64.self, "address")
            let start = try reader.read(UInt64.self, "start of a function")
            var frames: [SymbolizedFrame] = []
            for _ in 0..<(try reader.read(UInt16.self, "count of frames")) {
                var frame = SymbolizedFrame(functionName: try text(&reader), systemName: try text(&reader))
                frame.fileName = try text(&reader)
                frame.line = try reader.read(UInt32.self, "line")
                frame.column = try reader.read(UInt32.self, "column")
                frame.startLine = try reader.read(UInt32.self, "line of a function")
                let language = Int(try reader.read(UInt8.self, "language"))
                guard language < languages.count else {
                    throw ReadError(.invalidValue, at: reader.absolutePosition, reading: "language")
                }
                frame.language = languages[language]
                frames.append(frame)
            }
            guard !frames.isEmpty else {
                throw ReadError(.invalidValue, at: reader.absolutePosition, reading: "count of frames")
            }
            names[address] = SymbolizedAddress(frames: frames, functionStart: start == .max ? nil : start)
        }
    }
}
