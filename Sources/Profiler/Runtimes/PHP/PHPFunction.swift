import CBPFInterface
import Processes
import RuntimeSupport

/// What is read of a `zend_function` (Zend/zend_compile.h) once.
struct PHPFunction: Hashable, Sendable {
    /// As runtimes/php.bpf.c makes it.
    var checksum: UInt32
    /// `Class::method`.
    var name: String
    /// Empty for functions written in C.
    var fileName: String
    var firstLine: UInt32

    var sizeBytes: Int { 96 + name.utf8.count + fileName.utf8.count }
}

extension PHPFunction {
    private static let nameLimit = 1024
    private static let fileNameLimit = 4096

    /// Nil when it cannot be read, or changes meanwhile.
    init?<Memory: MemoryReader>(at address: UInt64, layout: PHPLayout, memory: Memory) {
        guard let before = Self.bytes(at: address, memory),
            let read = Self(before, layout: layout, strings: PHPStrings(memory: memory)),
            // What a function refers to lives as long as it does, so if it still does, all of this was true.
            let after = Self.bytes(at: address, memory), after == before
        else { return nil }
        self = read
    }

    /// Of functions written in C only the head is there for sure, and it says that they are.
    private static func bytes<Memory: MemoryReader>(at address: UInt64, _ memory: Memory) -> [UInt8]? {
        guard let head = try? memory.readBytes(at: address, count: Int(PHP_FUNCTION_HEAD_BYTES)) else { return nil }
        if head[0] == 1 { return head }  // ZEND_INTERNAL_FUNCTION
        return try? memory.readBytes(at: address, count: Int(PHP_FUNCTION_BYTES))
    }

    private init?<Memory: MemoryReader>(_ bytes: [UInt8], layout: PHPLayout, strings: PHPStrings<Memory>) {
        func word(_ offset: Int) -> UInt64 {
            UInt64(CodeBytes.word(bytes, at: offset)) | UInt64(CodeBytes.word(bytes, at: offset + 4)) << 32
        }
        var sum: UInt64 = 0
        /// The text of a string, which counts in the checksum; empty where there is none.
        func text(at address: UInt64, limit: Int) -> String? {
            var hash: UInt64 = 0
            var result = ""
            if address != 0 {
                guard let text = strings.text(at: address, limit: limit) else { return nil }
                (hash, result) = (text.hash, text.description)
            }
            sum = (sum &* 31 &+ address) &* 31 &+ hash
            return result
        }
        let type = bytes[0], scope = word(16)
        // ZEND_INTERNAL_FUNCTION, ZEND_USER_FUNCTION, ZEND_EVAL_CODE.
        guard [1, 2, 4].contains(type), let name = text(at: word(8), limit: Self.nameLimit) else { return nil }
        var scopeName = ""
        if scope != 0 {
            guard let place = try? strings.memory.read(at: scope &+ 8, as: UInt64.self),
                let text = text(at: place, limit: Self.nameLimit)
            else { return nil }
            scopeName = text
        }
        fileName = ""
        firstLine = 0
        if type != 1 {
            guard let text = text(at: word(layout.functionFileName), limit: Self.fileNameLimit) else { return nil }
            fileName = text
            firstLine = CodeBytes.word(bytes, at: layout.functionFirstLine)
            sum = sum &* 31 &+ UInt64(firstLine)
        }
        if name.isEmpty {
            // Code of a file, or of a string that is evaluated.
            self.name = type == 4 ? "<eval'd code>" : "<top-level>"
        } else {
            self.name = scopeName.isEmpty ? name : "\(scopeName)::\(name)"
        }
        let folded = UInt32(truncatingIfNeeded: sum ^ sum >> 32)
        checksum = folded == 0 ? 1 : folded
    }
}
