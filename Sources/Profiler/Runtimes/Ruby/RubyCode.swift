import Processes
import RuntimeSupport

/// The body of an instruction sequence (struct rb_iseq_constant_body, vm_core.h), as far as frames need it.
struct RubyCode: Sendable, Equatable {
    /// As BPF/runtimes/ruby.bpf.c makes it: tells bodies apart that lie at one address one after the other.
    var checksum: UInt32
    /// "block in each".
    var label: String
    /// Of the method that it belongs to: "each".
    var baseLabel: String
    var fileName: String
    var firstLine: UInt32
    /// Address of the body of the method that it is part of.
    var methodBody: UInt64

    /// What it takes in a cache.
    var sizeBytes: Int { 160 + label.utf8.count + baseLabel.utf8.count + fileName.utf8.count }

    /// Its name with its method's class: "block in Array#each".
    func name(classPrefix: String) -> String {
        guard !classPrefix.isEmpty, !baseLabel.isEmpty, label.hasSuffix(baseLabel) else { return label }
        return String(label.dropLast(baseLabel.count)) + classPrefix + baseLabel
    }
}

/// Reads bodies. They lie where they are until they are freed; the objects that they refer to may be moved.
struct RubyCodeReader<Memory: MemoryReader> {
    let objects: RubyObjects<Memory>

    static var nameLimit: Int { 1024 }
    static var pathLimit: Int { 4096 }
    // Offsets that all versions share: `location` and what it holds.
    private static var location: Int { 64 }
    private static var baseLabel: Int { location + 8 }
    private static var label: Int { location + 16 }
    private static var firstLine: Int { location + 24 }

    /// The bytes of a body; nil when they cannot be read.
    func bytes(at address: UInt64) -> [UInt8]? {
        try? objects.memory.readBytes(at: address, count: objects.layout.bodyBytes)
    }

    static func word(_ bytes: [UInt8], _ offset: Int) -> UInt64 {
        UInt64(CodeBytes.word(bytes, at: offset)) | UInt64(CodeBytes.word(bytes, at: offset + 4)) << 32
    }

    /// As BPF/runtimes/ruby.bpf.c does it; nil when the name cannot be read.
    func checksum(_ body: [UInt8]) -> UInt32? {
        let name = Self.word(body, Self.baseLabel)
        guard RubyObjects<Memory>.canBeObject(name),
            let text = try? objects.memory.readBytes(at: name &+ 16, count: 24)
        else { return nil }
        var sum = Self.word(body, 0)
        for part in [Self.word(body, 8), Self.word(body, Self.firstLine)] { sum = sum &* 31 &+ part }
        for offset in [0, 8, 16] { sum = sum &* 31 &+ Self.word(text, offset) }
        return UInt32(truncatingIfNeeded: sum ^ sum >> 32)
    }

    /// What the bytes lead to; nil for what is no body, or not one any longer.
    func code(_ body: [UInt8], at address: UInt64) -> RubyCode? {
        guard let checksum = checksum(body),
            let label = objects.string(at: Self.word(body, Self.label), limit: Self.nameLimit),
            let base = objects.string(at: Self.word(body, Self.baseLabel), limit: Self.nameLimit),
            let path = objects.path(Self.word(body, Self.location), limit: Self.pathLimit)
        else { return nil }
        var first = Self.word(body, Self.firstLine)
        first = objects.layout.firstLineIsObject ? first >> 1 : first & 0xffff_ffff
        return RubyCode(
            checksum: checksum, label: label, baseLabel: base, fileName: path,
            firstLine: first < 1 << 31 ? UInt32(first) : 0, methodBody: methodBody(body))
    }

    /// `local_iseq` leads to the method's instruction sequence, and that to its body.
    private func methodBody(_ body: [UInt8]) -> UInt64 {
        let sequence = Self.word(body, objects.layout.bodyLocal)
        guard RubyObjects<Memory>.canBeObject(sequence) else { return 0 }
        return (try? objects.memory.read(at: sequence &+ 16, as: UInt64.self)) ?? 0
    }

    /// The line at a place in the code; 0 when it is not known.
    ///
    /// - Parameter place: of the next instruction, since that is what a frame holds.
    func line(at place: UInt32, _ body: [UInt8]) -> UInt32 {
        let size = CodeBytes.word(body, at: 4)
        guard place <= size else { return 0 }
        let layout = objects.layout
        let location = RubyLineTable<Memory>.Location(
            entries: Self.word(body, layout.bodyLines), index: layout.bodyLineIndex.map { Self.word(body, $0) } ?? 0,
            count: CodeBytes.word(body, at: layout.bodyLineCount))
        let table = RubyLineTable(memory: objects.memory, layout: layout)
        return table.line(at: place == 0 ? 0 : place - 1, location) ?? 0
    }
}

extension RubyCodeReader: Sendable where Memory: Sendable {}
