/// Where CPython keeps what is read of it: offsets in bytes within the structs named.
struct PythonLayout: Hashable, Sendable {
    // PyThreadState.
    var threadStateFrame: Int
    /// `_PyCFrame.current_frame`, when the thread state leads to one of those first (3.11, 3.12).
    var cFrameFrame: Int?

    // PyFrameObject until 3.10, _PyInterpreterFrame since 3.11.
    var frameCode: Int
    var framePrevious: Int
    /// `f_lasti` until 3.10, `prev_instr` or `instr_ptr` since 3.11.
    var frameInstruction: Int
    var frameOwner: Int?
    var frameIsEntry: Int?

    // PyCodeObject.
    var codeFileName: Int
    var codeName: Int
    var codeQualifiedName: Int?
    var codeLineTable: Int
    var codeFirstLine: Int
    /// Of the first instruction, since 3.11.
    var codeInstructions: Int?

    // PyBytesObject, PyASCIIObject, PyCompactUnicodeObject.
    var bytesSize = 16
    var bytesData = 32
    var stringLength = 16
    /// 8 behind the length.
    var stringHash: Int { stringLength + 8 }
    var stringState = 32
    var asciiSize = 48
    var compactSize = 72

    /// The layout of a version, as its headers and its builds for x86_64 and arm64 have it; nil for an unknown version.
    init?(_ version: PythonVersion) {
        guard version.isSupported, version.major == 3 else { return nil }
        switch version.minor {
        case 6, 7:
            self.init(
                threadStateFrame: 24, frameCode: 32, framePrevious: 24, frameInstruction: version.minor == 6 ? 120 : 104,
                codeFileName: 96, codeName: 104, codeLineTable: 112, codeFirstLine: 36)
        case 8, 9, 10:
            self.init(
                threadStateFrame: 24, frameCode: 32, framePrevious: 24,
                frameInstruction: version.minor == 10 ? 96 : 104,
                codeFileName: 104, codeName: 112, codeLineTable: 120, codeFirstLine: 40)
        case 11:
            self.init(
                threadStateFrame: 56, cFrameFrame: 8, frameCode: 32, framePrevious: 48, frameInstruction: 56,
                frameOwner: 69, frameIsEntry: 68, codeFileName: 112, codeName: 120, codeQualifiedName: 128,
                codeLineTable: 136, codeFirstLine: 72, codeInstructions: 184)
        case 12:
            self.init(
                threadStateFrame: 56, cFrameFrame: 0, frameCode: 0, framePrevious: 8, frameInstruction: 56,
                frameOwner: 70, codeFileName: 112, codeName: 120, codeQualifiedName: 128, codeLineTable: 136,
                codeFirstLine: 68, codeInstructions: 192)
        default:
            let isOld = version.minor == 13
            self.init(
                threadStateFrame: 72, frameCode: 0, framePrevious: 8, frameInstruction: 56, frameOwner: isOld ? 70 : 74,
                codeFileName: 112, codeName: 120, codeQualifiedName: 128, codeLineTable: 136, codeFirstLine: 68,
                codeInstructions: isOld ? 200 : 208)
        }
        if version.minor >= 12 {
            asciiSize = 40
            compactSize = 56
        }
        if version.isFreeThreaded { makeFreeThreaded(version) }
    }

    private init(
        threadStateFrame: Int, cFrameFrame: Int? = nil, frameCode: Int, framePrevious: Int, frameInstruction: Int,
        frameOwner: Int? = nil, frameIsEntry: Int? = nil, codeFileName: Int, codeName: Int,
        codeQualifiedName: Int? = nil, codeLineTable: Int, codeFirstLine: Int, codeInstructions: Int? = nil
    ) {
        self.threadStateFrame = threadStateFrame
        self.cFrameFrame = cFrameFrame
        self.frameCode = frameCode
        self.framePrevious = framePrevious
        self.frameInstruction = frameInstruction
        self.frameOwner = frameOwner
        self.frameIsEntry = frameIsEntry
        self.codeFileName = codeFileName
        self.codeName = codeName
        self.codeQualifiedName = codeQualifiedName
        self.codeLineTable = codeLineTable
        self.codeFirstLine = codeFirstLine
        self.codeInstructions = codeInstructions
    }

    /// Objects have a header of 32 bytes instead of 16 (Include/object.h).
    private mutating func makeFreeThreaded(_ version: PythonVersion) {
        codeFileName += 16
        codeName += 16
        codeQualifiedName = codeQualifiedName.map { $0 + 16 }
        codeLineTable += 16
        codeFirstLine += 16
        codeInstructions = version.minor == 13 ? 216 : 232
        if version.minor >= 14 { frameOwner = 78 }
        bytesSize = 32
        bytesData = 48
        stringLength = 32
        stringState = 48
        asciiSize = 56
        compactSize = 72
    }
}

/// The table with which `_PyRuntime` begins since 3.13 (`_Py_DebugOffsets`, Include/internal/pycore_debug_offsets.h): what
/// the build itself says about its structs.
struct PythonDebugOffsets {
    static let sizeBytes = 1024
    static let cookie: [UInt8] = Array("xdebugpy".utf8)

    let version: PythonVersion
    private let words: [UInt64]

    /// - Parameter bytes: the first `sizeBytes` of `_PyRuntime`.
    /// - Returns: nil when there is no such table.
    init?(_ bytes: [UInt8]) {
        guard bytes.count >= PythonDebugOffsets.sizeBytes, bytes.starts(with: PythonDebugOffsets.cookie) else { return nil }
        words = stride(from: 0, to: PythonDebugOffsets.sizeBytes, by: 8).map { start in
            bytes[start..<(start + 8)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        version = PythonVersion(hexadecimal: words[1], isFreeThreaded: words[2] != 0)
    }

    /// What the table says in place of what is known of the version; nil for a version whose table is not known.
    func apply(to layout: inout PythonLayout) -> Bool {
        // Positions in the table, in bytes.
        let frame: Int, code: Int, bytes: Int, string: Int, state: Int
        switch version.minor {
        case 13: (state, frame, code, bytes, string) = (184, 232, 280, 520, 544)
        case 14: (state, frame, code, bytes, string) = (208, 256, 320, 600, 624)
        case 15: (state, frame, code, bytes, string) = (208, 320, 384, 696, 720)
        default: return false
        }
        // In code_object follow file name, name, qualified name, line table, first line; the instructions come later.
        let instructions = code + 64
        guard let current = small(state), let previous = small(frame), let executable = small(frame + 8),
            let instruction = small(frame + 16), let owner = small(frame + 32), let fileName = small(code),
            let name = small(code + 8), let qualified = small(code + 16), let table = small(code + 24),
            let firstLine = small(code + 32), let first = small(instructions), let size = small(bytes),
            let data = small(bytes + 8), let stringState = small(string), let length = small(string + 8),
            let ascii = small(string + 16)
        else { return false }
        layout.threadStateFrame = current
        (layout.framePrevious, layout.frameCode, layout.frameInstruction) = (previous, executable, instruction)
        layout.frameOwner = owner
        (layout.codeFileName, layout.codeName, layout.codeQualifiedName) = (fileName, name, qualified)
        (layout.codeLineTable, layout.codeFirstLine, layout.codeInstructions) = (table, firstLine, first)
        (layout.bytesSize, layout.bytesData) = (size, data)
        (layout.stringState, layout.stringLength, layout.asciiSize) = (stringState, length, ascii)
        // Its UTF-8 form, and how long that is, follow in PyCompactUnicodeObject (Include/cpython/unicodeobject.h).
        layout.compactSize = ascii + 16
        return true
    }

    /// The number at a position of the table, if it can be an offset in one of the structs.
    func small(_ position: Int) -> Int? {
        guard let word = words.indices.contains(position / 8) ? words[position / 8] : nil, word < 4096 else { return nil }
        return Int(word)
    }
}
