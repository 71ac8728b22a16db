import CBPFInterface
import Processes
import RuntimeSupport
import Synchronization

/// CPython in one process.
final class AttachedPython<Memory: MemoryReader & Sendable>: AttachedRuntime {
    /// What is read of a code object once. An object lies where it is until it is freed; another one may follow there.
    private struct Code {
        var checksum: UInt32
        var name: String
        var fileName: String
        var firstLine: Int
        var lineTable: [UInt8]

        var sizeBytes: Int { 128 + name.utf8.count + fileName.utf8.count + lineTable.count }
    }

    private struct Codes {
        var byAddress: [UInt64: Code] = [:]
        var sizeBytes = 0

        /// When there is no room, all are forgotten: what is still in use is read again.
        mutating func keep(_ code: Code, at address: UInt64) {
            if sizeBytes + code.sizeBytes > AttachedPython.codesLimitBytes { self = Codes() }
            if let replaced = byAddress.updateValue(code, forKey: address) { sizeBytes -= replaced.sizeBytes }
            sizeBytes += code.sizeBytes
        }
    }

    /// The process decides how long its names and tables are, so it is bytes that are bounded.
    private static var codesLimitBytes: Int { 2 << 20 }
    private static var nameLimit: Int { 1024 }

    private let memory: Memory
    private let version: PythonVersion
    private let layout: PythonLayout
    private let threadState: PythonThreadState.Place
    private let tasks: PythonTasks?
    private let lines: PythonLineTable
    private let codes = Mutex(Codes())

    init(
        memory: Memory, version: PythonVersion, layout: PythonLayout, threadState: PythonThreadState.Place,
        tasks: PythonTasks? = nil
    ) {
        self.memory = memory
        self.version = version
        self.layout = layout
        self.threadState = threadState
        self.tasks = tasks
        lines = PythonLineTable(version)
    }

    // MARK: - For the kernel side

    func facts(attachment: UInt32) -> [UInt8] {
        var facts = python_process()
        withUnsafeMutableBytes(of: &facts.thread_state.offsets) { bytes in
            for (index, offset) in threadState.offsets.prefix(Int(THREAD_VALUE_STEPS)).enumerated() {
                bytes.storeBytes(of: offset, toByteOffset: index * 8, as: Int64.self)
            }
        }
        facts.thread_state.count = UInt32(min(threadState.offsets.count, Int(THREAD_VALUE_STEPS)))
        facts.current_thread_state = threadState.current ?? 0
        facts.thread_state_thread = version.minor == 11 ? 152 : 176
        facts.attachment = attachment
        facts.flags = flags
        // Include/internal/pycore_frame.h: FRAME_OWNED_BY_CSTACK, FRAME_OWNED_BY_INTERPRETER.
        facts.first_shim_owner = 3
        facts.thread_state_frame = UInt16(clamping: layout.threadStateFrame)
        facts.c_frame_frame = UInt16(clamping: layout.cFrameFrame ?? 0)
        facts.frame_code = UInt16(clamping: layout.frameCode)
        facts.frame_previous = UInt16(clamping: layout.framePrevious)
        facts.frame_instruction = UInt16(clamping: layout.frameInstruction)
        facts.frame_owner = UInt16(clamping: layout.frameOwner ?? 0)
        facts.frame_is_entry = UInt16(clamping: layout.frameIsEntry ?? 0)
        facts.code_file_name = UInt16(clamping: layout.codeFileName)
        facts.code_name = UInt16(clamping: layout.codeName)
        facts.code_line_table = UInt16(clamping: layout.codeLineTable)
        facts.code_first_line = UInt16(clamping: layout.codeFirstLine)
        facts.string_hash = UInt16(clamping: layout.stringHash)
        tasks?.describe(in: &facts)
        return withUnsafeBytes(of: facts) { Array($0) }
    }

    private var flags: UInt16 {
        var flags: UInt32 = 0
        if layout.cFrameFrame != nil { flags |= PYTHON_HAS_C_FRAME.rawValue }
        if layout.codeInstructions == nil { flags |= PYTHON_ONE_FRAME.rawValue }
        if layout.frameIsEntry != nil { flags |= PYTHON_HAS_ENTRY_FLAG.rawValue }
        if version.minor >= 12 { flags |= PYTHON_HAS_OWNER.rawValue }
        if layout.codeInstructions != nil { flags |= PYTHON_HAS_INSTRUCTION_POINTER.rawValue }
        if version.minor >= 14 { flags |= PYTHON_TAGGED.rawValue }
        return UInt16(truncatingIfNeeded: flags)
    }

    // MARK: - Names

    func functions(of words: [UInt64]) -> [RuntimeFunction] {
        switch words.first {
        case UInt64(PYTHON_AWAITED_BY.rawValue): return [RuntimeFunction(name: "(awaited by)")]
        case UInt64(PYTHON_AWAITED_BY_SEVERAL.rawValue): return [RuntimeFunction(name: "(awaited by several tasks)")]
        default: break
        }
        guard words.count >= 2, let code = code(at: words[0], checksum: UInt32(truncatingIfNeeded: words[1]))
        else { return [] }
        let place = Int(Int32(bitPattern: UInt32(truncatingIfNeeded: words[1] >> 32)))
        var instruction = place
        // Distance in bytes from the code object; a unit has two.
        if let first = layout.codeInstructions { instruction = (place - first) >> 1 }
        let difference = lines.line(of: instruction, in: code.lineTable)
        let line = difference.map { max(0, code.firstLine + $0) } ?? 0
        return [
            RuntimeFunction(
                name: code.name, fileName: code.fileName, line: UInt32(clamping: line),
                startLine: UInt32(clamping: max(0, code.firstLine)))
        ]
    }

    private func code(at address: UInt64, checksum: UInt32) -> Code? {
        // 0: the kernel side could not read the object.
        if let known = codes.withLock({ $0.byAddress[address] }), known.checksum == checksum || checksum == 0 {
            return known
        }
        guard let code = readCode(at: address), code.checksum == checksum || checksum == 0 else { return nil }
        codes.withLock { $0.keep(code, at: address) }
        return code
    }

    private func readCode(at address: UInt64) -> Code? {
        let size = Int(PYTHON_CODE_BYTES)
        guard let bytes = try? memory.readBytes(at: address, count: size) else { return nil }
        func word(_ offset: Int) -> UInt64 {
            UInt64(CodeBytes.word(bytes, at: offset)) | UInt64(CodeBytes.word(bytes, at: offset + 4)) << 32
        }
        let fileName = word(layout.codeFileName), name = word(layout.codeName), table = word(layout.codeLineTable)
        let firstLine = CodeBytes.word(bytes, at: layout.codeFirstLine)
        let strings = PythonStrings(memory: memory, layout: layout)
        guard let hash = try? memory.read(at: name &+ UInt64(layout.stringHash), as: UInt64.self),
            let text = strings.string(at: layout.codeQualifiedName.map(word) ?? name, limit: AttachedPython.nameLimit),
            let file = strings.string(at: fileName, limit: 4096)
        else { return nil }
        let lineTable = strings.bytes(at: table, limit: PythonLineTable.limitBytes) ?? []
        // What an object refers to lives as long as it does, so if it still does, all of this was true.
        guard let after = try? memory.readBytes(at: address, count: size), isAlive(after), after[8...] == bytes[8...]
        else { return nil }
        // As runtimes/python.bpf.c does it.
        var sum = fileName
        for part in [name, hash, table, UInt64(firstLine)] { sum = sum &* 31 &+ part }
        return Code(
            checksum: UInt32(truncatingIfNeeded: sum ^ sum >> 32), name: text, fileName: file,
            firstLine: Int(Int32(bitPattern: firstLine)), lineTable: lineTable)
    }

    /// Whether the object's count of references says so. Its first word is that count (its low half since 3.14, with flags
    /// in the highest quarter, Include/refcount.h); in a block that was freed, the address of another one.
    private func isAlive(_ object: [UInt8]) -> Bool {
        if version.isFreeThreaded { return true }
        return CodeBytes.word(object, at: 0) != 0 && CodeBytes.word(object, at: 4) & 0xffff == 0
    }
}
