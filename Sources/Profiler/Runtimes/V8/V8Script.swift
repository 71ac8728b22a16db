import Processes

/// What is known of a Script: a file, or a text that was evaluated.
struct V8Script: Sendable {
    /// What it was read from; as long as they are the same, so is the rest.
    var nameObject: UInt64
    var number: UInt32
    /// A path, a `file:` URL as a path, a URL, or `node:` and the name of a module; empty for text that was evaluated.
    var fileName: String
    /// Offset of each line's end in the source, but for the last line's.
    private var lineEnds: [UInt32]
    /// Of the source's first line, from 0.
    private var firstLine: Int

    init(nameObject: UInt64, number: UInt32, fileName: String, lineEnds: [UInt32], firstLine: Int) {
        self.nameObject = nameObject
        self.number = number
        self.fileName = fileName
        self.lineEnds = lineEnds
        self.firstLine = firstLine
    }

    var sizeBytes: Int { 128 + fileName.utf8.count + lineEnds.count * 4 }

    /// The line of an offset in the source, from 1; 0 when it is not known.
    func line(at offset: Int) -> UInt32 {
        guard offset >= 0, !isWithoutLines else { return 0 }
        var low = 0
        var high = lineEnds.count
        while low < high {
            let middle = (low + high) / 2
            if Int(lineEnds[middle]) < offset { low = middle + 1 } else { high = middle }
        }
        return UInt32(clamping: low + firstLine + 1)
    }

    /// The source could not be read.
    var isWithoutLines = false
}

extension V8Heap {
    private static var fileNameLimit: Int { 4096 }
    /// Characters of source of a script whose lines are found.
    private static var sourceLimit: Int { 64 << 20 }
    private static var lineLimit: Int { 1 << 20 }

    /// Name and number of a script as they are now; nil when there is none. Functions that are debugged have a DebugInfo in
    /// the script's place.
    func header(ofScript object: UInt64) -> (script: UInt64, nameObject: UInt64, number: UInt32)? {
        var script = object
        guard var type = type(script) else { return nil }
        if let debugInfo = layout.types.debugInfo, type == debugInfo {
            guard let inner = word(script, 24), let innerType = self.type(inner) else { return nil }
            (script, type) = (inner, innerType)
        }
        guard type == layout.types.script, let name = word(script, layout.scriptName),
            let number = half(script, layout.scriptNumber + 4)
        else { return nil }
        return (script, name, number)
    }

    func script(at object: UInt64) -> V8Script? {
        guard let header = header(ofScript: object) else { return nil }
        let fileName = string(header.nameObject, limit: Self.fileNameLimit) ?? ""
        let firstLine = word(header.script, layout.scriptLineOffset).flatMap(Self.smallInteger) ?? 0
        let ends = lineEnds(of: header.script)
        guard let after = self.header(ofScript: object), after == header else { return nil }
        var script = V8Script(
            nameObject: header.nameObject, number: header.number, fileName: Self.path(fileName), lineEnds: ends ?? [],
            firstLine: Int(firstLine))
        script.isWithoutLines = ends == nil
        return script
    }

    /// Modules (ESM) are known by URLs.
    private static func path(_ name: String) -> String {
        guard name.hasPrefix("file:///") else { return name }
        let path = name.dropFirst("file://".count)
        guard path.contains("%") else { return String(path) }
        var bytes: [UInt8] = []
        var rest = Array(path.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// V8 makes the table of lines when something asks for it; else the source tells.
    private func lineEnds(of script: UInt64) -> [UInt32]? {
        guard let source = word(script, layout.scriptSource), let pieces = pieces(source) else { return nil }
        var ends: [UInt32] = []
        var offset: UInt32 = 0
        var wasReturn = false
        guard pieces.reduce(0, { $0 + $1.count }) <= Self.sourceLimit else { return nil }
        for piece in pieces {
            let width = piece.isOneByte ? 1 : 2
            var done = 0
            while done < piece.count {
                let count = min(piece.count - done, 1 << 20)
                guard let bytes = try? memory.readBytes(at: piece.address &+ UInt64(done * width), count: count * width)
                else { return nil }
                done += count
                // A line ends with LF, CR, or both (String::IsLineTerminatorSequence); U+2028 and U+2029 as well.
                bytes.withUnsafeBytes { bytes in
                    for index in 0..<count {
                        let unit =
                            piece.isOneByte
                            ? UInt16(bytes[index])
                            : UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self))
                        if wasReturn, unit != 10 { ends.append(offset &- 1) }
                        if unit == 10 || unit == 0x2028 || unit == 0x2029 { ends.append(offset) }
                        wasReturn = unit == 13
                        offset &+= 1
                    }
                }
                if ends.count > Self.lineLimit { return nil }
            }
        }
        return ends
    }
}
