import Processes
import RuntimeSupport

/// What is read of a `Method` once.
struct JVMMethod: Sendable {
    /// Where its `ConstMethod` lies: redefining a class gives it another one, and so does unloading.
    var constMethod: UInt64
    /// "long Busy.rec(int, int)".
    var name: String
    /// Empty where it is not known.
    var fileName: String
    var lines: JVMLineTable

    var sizeBytes: Int { 128 + name.utf8.count + fileName.utf8.count + lines.sizeBytes }

    func function(at place: Int) -> RuntimeFunction {
        RuntimeFunction(name: name, fileName: fileName, line: lines.line(at: place), startLine: lines.firstLine)
    }
}

/// Reads methods of a process.
struct JVMMethodReader<Memory: MemoryReader> {
    let layout: JVMLayout
    let memory: Memory

    private static var symbolLimit: Int { 4096 }
    /// A table of lines grows with its method, which has 64 KiB of bytecodes at most.
    private static var lineTableLimit: Int { 1 << 18 }

    /// Address of the `ConstMethod` of a method.
    func constMethod(of method: UInt64) -> UInt64? {
        try? memory.read(at: method &+ UInt64(layout.methodConstMethod), as: UInt64.self)
    }

    /// Nil when it cannot be read, or changes meanwhile.
    func read(_ method: UInt64) -> JVMMethod? {
        guard let constMethod = constMethod(of: method), constMethod != 0,
            let head = try? memory.readBytes(at: constMethod, count: layout.constMethodBytes),
            let pool = Words(head).word(layout.constMethodConstants), pool != 0,
            let holder = try? memory.read(at: pool &+ UInt64(layout.constantPoolHolder), as: UInt64.self),
            let className = symbol(at: holder &+ UInt64(layout.klassName)),
            let name = symbol(Words(head).half(layout.constMethodName), pool),
            let descriptor = symbol(Words(head).half(layout.constMethodSignature), pool),
            // What a method refers to lives as long as it does.
            self.constMethod(of: method) == constMethod
        else { return nil }
        return JVMMethod(
            constMethod: constMethod,
            name: JVMNames.method(className: JVMNames.className(className), name: name, descriptor: descriptor),
            fileName: fileName(pool: pool, holder: holder), lines: lines(constMethod, head))
    }

    /// The text of the Symbol that a word of memory points to.
    private func symbol(at place: UInt64) -> String? {
        // The lowest bit of words in a constant pool is not the address's.
        guard let address = try? memory.read(at: place, as: UInt64.self), address & ~1 != 0,
            let length = try? memory.read(at: (address & ~1) &+ UInt64(layout.symbolLength), as: UInt16.self),
            length > 0, length <= Self.symbolLimit,
            let bytes = try? memory.readBytes(at: (address & ~1) &+ UInt64(layout.symbolBody), count: Int(length))
        else { return nil }
        return JVMNames.text(bytes)
    }

    private func symbol(_ index: UInt16?, _ pool: UInt64) -> String? {
        guard let index, index != 0 else { return nil }
        return symbol(at: pool &+ UInt64(layout.constantPoolBytes) &+ UInt64(index) * 8)
    }

    private func fileName(pool: UInt64, holder: UInt64) -> String {
        guard let offset = layout.sourceFileIndex else { return "" }
        let owner = layout.isSourceFileInClass ? holder : pool
        let index = try? memory.read(at: owner &+ UInt64(offset), as: UInt16.self)
        return symbol(index, pool) ?? ""
    }

    private func lines(_ constMethod: UInt64, _ head: [UInt8]) -> JVMLineTable {
        // ConstMethodFlags: has_linenumber_table is the lowest bit in all versions.
        guard let flags = head[safe: layout.constMethodFlags], flags & 1 != 0,
            let codeBytes = Words(head).half(layout.constMethodCodeSize)
        else { return JVMLineTable() }
        let start = constMethod &+ UInt64(layout.constMethodBytes) &+ UInt64(codeBytes)
        // How long it is nothing says.
        var count = 128
        while count <= Self.lineTableLimit {
            guard let bytes = try? memory.readBytes(at: start, count: count) else {
                // It may end before a page that is not there.
                let untilPage = 4096 - Int(start & 4095)
                guard count > untilPage, let bytes = try? memory.readBytes(at: start, count: untilPage) else { break }
                return JVMLineTable(bytes, excludesZeroByte: layout.excludesZeroByte) ?? JVMLineTable()
            }
            if let table = JVMLineTable(bytes, excludesZeroByte: layout.excludesZeroByte) { return table }
            count *= 4
        }
        return JVMLineTable()
    }
}

/// Little-endian numbers among bytes; nil outside of them.
struct Words {
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    func half(_ offset: Int) -> UInt16? {
        guard offset >= 0, offset + 2 <= bytes.count else { return nil }
        return UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8
    }

    func int(_ offset: Int) -> Int32? {
        guard offset >= 0, offset + 4 <= bytes.count else { return nil }
        return CodeBytes.signed32(bytes, at: offset)
    }

    func word(_ offset: Int) -> UInt64? {
        guard offset >= 0, offset + 8 <= bytes.count else { return nil }
        return UInt64(CodeBytes.word(bytes, at: offset)) | UInt64(CodeBytes.word(bytes, at: offset + 4)) << 32
    }
}
