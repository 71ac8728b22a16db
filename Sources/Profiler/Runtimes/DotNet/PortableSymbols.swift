import ObjectFiles
import Processes
import RuntimeSupport

/// Lines of an assembly's methods, of a portable PDB ("Portable PDB v1.0: Format Specification" of dotnet/runtime): metadata
/// whose tables are documents and, for each method, where statements begin.
struct PortableSymbols<Memory: MemoryReader> {
    /// Where a statement's instructions begin.
    struct Point: Sendable, Equatable {
        var instruction: UInt32
        /// 0: instructions that belong to no line.
        var line: UInt32
        /// Row of the table of documents.
        var document: UInt32
    }

    private let metadata: Metadata<Memory>

    private static var pointsLimit: Int { 1 << 16 }
    private static var partsLimit: Int { 256 }
    private static var nameLimit: Int { 4096 }

    /// - Parameters:
    ///   - size: of the file.
    ///   - id: that the assembly asks for; nil: any will do.
    init?(_ memory: Memory, size: UInt64, id: [UInt8]?) {
        guard let metadata = Metadata(memory, at: 0, size: size), let found = metadata.symbolsID, id == nil || id == found
        else { return nil }
        self.metadata = metadata
    }

    /// In the order of their instructions; empty for a method without any.
    /// - Parameter row: of the assembly's table of methods.
    func points(ofMethod row: UInt32) -> [Point] {
        guard let method = metadata.row(MetadataSchema.methodDebugInformation, row), let blob = metadata.blob(method[1])
        else { return [] }
        return Self.points(blob, document: method[0])
    }

    /// - Parameter document: of the whole method; 0: it has several, and the blob says which is the first.
    static func points(_ blob: [UInt8], document: UInt32) -> [Point] {
        var reader = SignatureReader(blob)
        // The signature of the local variables comes first.
        guard reader.number() != nil, var document = document == 0 ? reader.number() : document else { return [] }
        var points: [Point] = []
        var instruction: UInt32 = 0
        var line: Int64?
        while !reader.isAtEnd, points.count < pointsLimit {
            guard let distance = reader.number() else { break }
            if distance == 0, !points.isEmpty {
                guard let next = reader.number() else { break }
                document = next
                continue
            }
            instruction = instruction &+ distance
            guard let lines = reader.number(),
                let columns = lines == 0 ? reader.number().map(Int64.init) : reader.signedNumber().map(Int64.init)
            else { break }
            if lines == 0, columns == 0 {
                points.append(Point(instruction: instruction, line: 0, document: document))
                continue
            }
            // Lines and columns count from the point before that has any.
            let next: Int64
            if let line {
                guard let step = reader.signedNumber(), reader.signedNumber() != nil else { break }
                next = line &+ Int64(step)
            } else {
                guard let first = reader.number(), reader.number() != nil else { break }
                next = Int64(first)
            }
            line = next
            points.append(Point(instruction: instruction, line: UInt32(clamping: next), document: document))
        }
        return points
    }

    /// A document's path: parts, each a text of its own, and what separates them.
    func documentName(_ row: UInt32) -> String? {
        guard let blob = metadata.value(MetadataSchema.document, row, 0).flatMap(metadata.blob) else { return nil }
        var reader = SignatureReader(blob)
        guard let separator = reader.byte() else { return nil }
        var name: [UInt8] = []
        var isFirst = true
        for _ in 0..<Self.partsLimit where !reader.isAtEnd {
            guard let offset = reader.number(), let part = offset == 0 ? [] : metadata.blob(offset) else { return nil }
            if !isFirst, separator != 0 { name.append(separator) }
            isFirst = false
            guard name.count + part.count <= Self.nameLimit else { return nil }
            name += part
        }
        return String(decoding: name, as: UTF8.self)
    }

    /// What a method's machine code was made of; nil where the symbols do not tell.
    func lines(ofMethod row: UInt32, _ map: InstructionMap) -> MethodLines? {
        let points = points(ofMethod: row).filter { $0.line > 0 }
        guard !points.isEmpty else { return nil }
        var files: [String] = []
        var numbers: [UInt32: Int] = [:]
        func file(_ document: UInt32) -> Int {
            if let known = numbers[document] { return known }
            files.append(documentName(document) ?? "")
            numbers[document] = files.count - 1
            return files.count - 1
        }
        var entries: [MethodLines.Entry] = []
        for row in map.rows {
            guard let instruction = row.instruction,
                let point = points.last(where: { $0.instruction <= instruction }) ?? points.first
            else { continue }
            let entry = MethodLines.Entry(offset: row.offset, line: point.line, file: file(point.document))
            // Of several at one place the last one has the code.
            if entries.last?.offset == entry.offset { entries.removeLast() }
            if let last = entries.last, last.line == entry.line, last.file == entry.file { continue }
            entries.append(entry)
        }
        guard !entries.isEmpty else { return nil }
        return MethodLines(entries: entries, files: files, firstLine: points[0].line)
    }
}

extension PortableSymbols: Sendable where Memory: Sendable {}

/// Lines of a method's machine code.
struct MethodLines: Sendable, Equatable {
    struct Entry: Sendable, Equatable {
        /// Of the code, from its start, where the line begins.
        var offset: UInt32
        var line: UInt32
        /// Index of its file.
        var file: Int
    }

    /// Ascending, at least one.
    let entries: [Entry]
    let files: [String]
    let firstLine: UInt32

    var sizeBytes: Int { entries.count * MemoryLayout<Entry>.stride + files.reduce(0) { $0 + 32 + $1.utf8.count } }

    /// The line at an offset in the code.
    func place(at offset: UInt32) -> (file: String, line: UInt32)? {
        var low = 0, high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].offset <= offset { low = middle + 1 } else { high = middle }
        }
        // What precedes the first one is the method's beginning.
        return entries[safe: max(low - 1, 0)].map { (files[safe: $0.file] ?? "", $0.line) }
    }
}

/// A file's bytes as memory that begins at 0.
struct FileMemory: MemoryReader, Sendable {
    let source: any BinarySource

    func read(at address: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(MemoryReadError) {
        do throws(BinarySourceError) {
            try source.read(at: address, into: buffer)
        } catch {
            throw MemoryReadError(.unreadable, at: address)
        }
    }
}
