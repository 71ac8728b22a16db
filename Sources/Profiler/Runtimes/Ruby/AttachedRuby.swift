import CBPFInterface
import ObjectFiles
import Processes
import RuntimeSupport
import Synchronization

/// CRuby in one process.
final class AttachedRuby: AttachedRuntime {
    private struct State {
        var codes: [UInt64: RubyCode] = [:]
        var sizeBytes = 0
        var symbols: RubySymbolTable<RemoteMemory>?
        /// How often it was missed.
        var misses = 0

        /// When there is no room, all are forgotten: what is still in use is read again.
        mutating func keep(_ code: RubyCode, at address: UInt64) {
            if sizeBytes + code.sizeBytes > AttachedRuby.codesLimitBytes { (codes, sizeBytes) = ([:], 0) }
            if let replaced = codes.updateValue(code, forKey: address) { sizeBytes -= replaced.sizeBytes }
            sizeBytes += code.sizeBytes
        }
    }

    /// The process decides how long its names are, so it is bytes that are bounded.
    private static let codesLimitBytes = 2 << 20

    private let reader: RubyCodeReader<RemoteMemory>
    private let context: [Int64]
    private let collectorFlags: UInt64
    private let places: RubyLoop.Places
    private let file: ELFFile
    private let bias: UInt64
    private let state = Mutex(State())

    /// - Parameters:
    ///   - context: where a thread keeps its execution context, see `struct thread_value`.
    ///   - collectorFlags: process address; 0 when it is not known.
    ///   - file: has the interpreter.
    init(
        memory: RemoteMemory, layout: RubyLayout, context: [Int64], collectorFlags: UInt64, places: RubyLoop.Places,
        file: ELFFile, bias: UInt64
    ) {
        reader = RubyCodeReader(objects: RubyObjects(memory: memory, layout: layout))
        self.context = context
        self.collectorFlags = collectorFlags
        self.places = places
        self.file = file
        self.bias = bias
    }

    private var objects: RubyObjects<RemoteMemory> { reader.objects }

    // MARK: - For the kernel side

    func facts(attachment: UInt32) -> [UInt8] {
        var facts = ruby_process()
        withUnsafeMutableBytes(of: &facts.execution_context.offsets) { bytes in
            for (index, offset) in context.prefix(Int(THREAD_VALUE_STEPS)).enumerated() {
                bytes.storeBytes(of: offset, toByteOffset: index * 8, as: Int64.self)
            }
        }
        facts.execution_context.count = UInt32(min(context.count, Int(THREAD_VALUE_STEPS)))
        facts.collector_flags = collectorFlags
        let callers = (places.loop + (places.core.map { [$0] } ?? [])).prefix(Int(RUBY_CALLERS))
        withUnsafeMutableBytes(of: &facts.callers) { bytes in
            for (index, range) in callers.enumerated() {
                bytes.storeBytes(of: range.lowerBound &+ bias, toByteOffset: index * 16, as: UInt64.self)
                bytes.storeBytes(of: UInt64(range.count), toByteOffset: index * 16 + 8, as: UInt64.self)
            }
        }
        facts.attachment = attachment
        facts.flags = objects.layout.classes == nil ? 0 : UInt16(RUBY_HAS_CLASS_NAMES.rawValue)
        facts.context_thread = UInt16(clamping: objects.layout.contextThread)
        facts.thread_blocking = UInt16(clamping: objects.layout.threadBlocking)
        facts.frame_bytes = UInt16(clamping: objects.layout.frameBytes)
        return withUnsafeBytes(of: facts) { Array($0) }
    }

    // MARK: - Names

    func functions(of words: [UInt64]) -> [RuntimeFunction] {
        guard words.count >= 2 else { return [] }
        let address = words[0] & ~7, number = UInt32(words[1] >> 32)
        let method = words.count > 2 ? words[2] : 0
        switch words[0] & 7 {
        case UInt64(RUBY_FRAME_CODE.rawValue):
            return code(at: address, place: number, checksum: UInt32(truncatingIfNeeded: words[1]), method)
        case UInt64(RUBY_FRAME_C_FUNCTION.rawValue):
            return cFunction(address, identifier: UInt64(number), method)
        case UInt64(RUBY_FRAME_COLLECTOR.rawValue):
            // As stackprof and others name them.
            let mode = ["(running)", "(marking)", "(sweeping)", "(compacting)"][safe: Int(number & 3)] ?? "(running)"
            return [mode, "(garbage collection)"].map { RuntimeFunction(name: $0, fileName: "<gc>") }
        default:
            return []
        }
    }

    private func code(at address: UInt64, place: UInt32, checksum: UInt32, _ method: UInt64) -> [RuntimeFunction] {
        let known = state.withLock { $0.codes[address] }.flatMap { known in
            // 0: the kernel side could not read the body.
            known.checksum == checksum || checksum == 0 ? known : nil
        }
        guard let body = reader.bytes(at: address), let present = reader.checksum(body),
            present == checksum || checksum == 0
        else {
            // It is gone; what it was is known from before.
            return known.map { [Self.function($0, classPrefix: "", line: 0)] } ?? []
        }
        guard let code = known?.checksum == present ? known : reader.code(body, at: address) else { return [] }
        let line = place == RUBY_PLACE_UNKNOWN ? 0 : reader.line(at: place, body)
        var classPrefix = ""
        if method != 0, let entry = RubyMethod(at: method, objects), entry.runs(code.methodBody) {
            classPrefix = entry.classPrefix
        }
        // What a body refers to lives as long as it does, so if it still does, all of this was true.
        guard let after = reader.bytes(at: address), after == body, reader.checksum(after) == present else { return [] }
        state.withLock { $0.keep(code, at: address) }
        return [Self.function(code, classPrefix: classPrefix, line: line)]
    }

    private static func function(_ code: RubyCode, classPrefix: String, line: UInt32) -> RuntimeFunction {
        RuntimeFunction(
            name: code.name(classPrefix: classPrefix), fileName: code.fileName, line: line, startLine: code.firstLine)
    }

    /// A method that is written in C: it has no file and no line.
    private func cFunction(_ definition: UInt64, identifier: UInt64, _ method: UInt64) -> [RuntimeFunction] {
        let name = symbols()?.name(of: identifier) ?? "<cfunc>"
        var classPrefix = ""
        if let entry = RubyMethod(at: method, objects), entry.definition == definition { classPrefix = entry.classPrefix }
        return [RuntimeFunction(name: classPrefix + name, fileName: "<cfunc>")]
    }

    /// The table of names, which is there once the interpreter has started. It is looked for more and more seldom.
    private func symbols() -> RubySymbolTable<RemoteMemory>? {
        state.withLock { state in
            if let known = state.symbols { return known }
            state.misses &+= 1
            guard state.misses & (state.misses &- 1) == 0 else { return nil }
            state.symbols = RubySymbolTable.find(file, bias: bias, memory: objects.memory, layout: objects.layout)
            return state.symbols
        }
    }
}
