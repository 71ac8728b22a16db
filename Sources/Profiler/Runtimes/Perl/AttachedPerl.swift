import CBPFInterface
import Processes
import RuntimeSupport
import Synchronization

/// Perl in one process.
final class AttachedPerl<Memory: MemoryReader & Sendable>: AttachedRuntime {
    /// Where the kernel side finds what it starts from.
    struct Places: Hashable, Sendable {
        /// From the thread pointer to the thread's interpreter; empty in builds without threads, where the others are
        /// process addresses.
        var interpreter: [Int64]
        var op: UInt64
        var currentCop: UInt64
        var stackInfo: UInt64
        var topEnvironment: UInt64
    }

    /// A text that was read, and what it was read from; another one may follow at its address.
    private struct Text {
        var text: String
        var checksum: UInt64
    }

    private struct Texts {
        private var names: [UInt64: Text] = [:]
        private var fileNames: [UInt64: Text] = [:]
        private var packages: [UInt64: String] = [:]
        private var sizeBytes = 0

        func name(at address: UInt64) -> Text? { names[address] }
        func fileName(at address: UInt64) -> Text? { fileNames[address] }
        func package(at address: UInt64) -> String? { packages[address] }

        mutating func keep(name: Text, at address: UInt64) {
            makeRoom(for: name.text)
            names[address] = name
        }

        mutating func keep(fileName: Text, at address: UInt64) {
            makeRoom(for: fileName.text)
            fileNames[address] = fileName
        }

        mutating func keep(package: String, at address: UInt64) {
            makeRoom(for: package)
            packages[address] = package
        }

        /// When there is none, all are forgotten: what is still in use is read again. A text that replaces another one
        /// counts as well, so that the sum is never too small.
        private mutating func makeRoom(for text: String) {
            let size = 96 + text.utf8.count
            if sizeBytes + size > AttachedPerl.textsLimitBytes { self = Texts() }
            sizeBytes += size
        }
    }

    /// The process decides how long its names are, so it is bytes that are bounded.
    static var textsLimitBytes: Int { 2 << 20 }
    private static var topLevel: String { "<top-level>" }

    private let strings: PerlStrings<Memory>
    private let layout: PerlLayout
    private let places: Places
    private let texts = Mutex(Texts())

    init(memory: Memory, layout: PerlLayout, places: Places) {
        strings = PerlStrings(memory: memory, layout: layout)
        self.layout = layout
        self.places = places
    }

    // MARK: - For the kernel side

    func facts(attachment: UInt32) -> [UInt8] {
        var facts = perl_process()
        let steps = places.interpreter.prefix(Int(THREAD_VALUE_STEPS))
        withUnsafeMutableBytes(of: &facts.interpreter.offsets) { bytes in
            for (index, offset) in steps.enumerated() {
                bytes.storeBytes(of: offset, toByteOffset: index * 8, as: Int64.self)
            }
        }
        facts.interpreter.count = UInt32(steps.count)
        facts.op = places.op
        facts.current_cop = places.currentCop
        facts.stack_info = places.stackInfo
        facts.top_environment = places.topEnvironment
        facts.attachment = attachment
        // Builds with threads keep a file's name with each statement, others share it among them by a GV (cop.h).
        let flags = steps.isEmpty ? PERL_FILE_IS_GV : PERL_HAS_INTERPRETERS
        facts.flags = UInt16(truncatingIfNeeded: flags.rawValue)
        facts.stack_info_type = UInt16(clamping: layout.stackInfoType)
        facts.context_bytes = UInt16(clamping: layout.contextBytes)
        facts.context_code = UInt16(clamping: layout.contextCode)
        return withUnsafeBytes(of: facts) { Array($0) }
    }

    // MARK: - Names

    func functions(of words: [UInt64]) -> [RuntimeFunction] {
        guard words.count >= 4 else { return [] }
        let bits = UInt64(PERL_CHECKSUM_BITS), mask = PerlStrings<Memory>.checksumMask
        let sums = words[3], line = UInt32(truncatingIfNeeded: sums >> (2 * bits))
        guard let name = subroutine(words[0], stash: words[1], checksum: sums >> bits & mask) else { return [] }
        let file = words[2] == 0 ? nil : fileName(at: words[2], checksum: sums & mask)
        // A line means nothing without its file.
        return [RuntimeFunction(name: name, fileName: file ?? "", line: file == nil ? 0 : line)]
    }

    /// As `caller` names it.
    private func subroutine(_ address: UInt64, stash: UInt64, checksum: UInt64) -> String? {
        if address == UInt64(PERL_FRAME_TOP_LEVEL.rawValue) { return AttachedPerl.topLevel }
        if address == UInt64(PERL_FRAME_UNNAMED.rawValue) { return "(unknown)" }
        guard let name = name(at: address, checksum: checksum) else { return nil }
        if stash == 0 { return name }
        return "\(package(at: stash) ?? "__ANON__")::\(name)"
    }

    private func name(at address: UInt64, checksum: UInt64) -> String? {
        // 0: the kernel side could not read it.
        if let known = texts.withLock({ $0.name(at: address) }), known.checksum == checksum || checksum == 0 {
            return known.text
        }
        guard let read = strings.name(at: address), read.checksum == checksum || checksum == 0 else { return nil }
        texts.withLock { $0.keep(name: Text(text: read.text, checksum: read.checksum), at: address) }
        return read.text
    }

    private func fileName(at address: UInt64, checksum: UInt64) -> String? {
        if let known = texts.withLock({ $0.fileName(at: address) }), known.checksum == checksum || checksum == 0 {
            return known.text
        }
        guard let read = strings.fileName(at: address), read.checksum == checksum || checksum == 0 else { return nil }
        texts.withLock { $0.keep(fileName: Text(text: read.text, checksum: read.checksum), at: address) }
        return read.text
    }

    private func package(at stash: UInt64) -> String? {
        if let known = texts.withLock({ $0.package(at: stash) }) { return known }
        guard let read = strings.package(at: stash) else { return nil }
        texts.withLock { $0.keep(package: read, at: stash) }
        return read
    }
}
