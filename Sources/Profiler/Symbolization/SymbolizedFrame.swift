/// Where in an executable a frame was, and whether that is where the processor stood.
public enum FrameAddress: Hashable, Sendable {
    /// The address of the instruction that was executing: the leaf of a trace, or a frame below a signal handler.
    case instruction(UInt64)
    /// Where a call will return to. It may be the first byte of the next line, or of the next function when the called
    /// one never returns.
    case returnAddress(UInt64)

    /// The address that names and lines are looked up with: inside of the call instruction for a return address.
    public var lookupAddress: UInt64 {
        switch self {
        case .instruction(let address): address
        case .returnAddress(let address): address &- 1
        }
    }
}

/// A named frame. Unknown texts are empty, unknown numbers 0.
public struct SymbolizedFrame: Hashable, Sendable {
    /// For people: demangled, without the compiler's suffixes of clones.
    public var functionName: String
    /// As it stands in the symbol table.
    public var systemName: String
    public var fileName: String
    public var line: UInt32
    public var column: UInt32
    /// The line at which the function begins.
    public var startLine: UInt32
    public var language: SymbolLanguage

    public init(
        functionName: String, systemName: String, fileName: String = "", line: UInt32 = 0, column: UInt32 = 0,
        startLine: UInt32 = 0, language: SymbolLanguage = .unknown
    ) {
        self.functionName = functionName
        self.systemName = systemName
        self.fileName = fileName
        self.line = line
        self.column = column
        self.startLine = startLine
        self.language = language
    }
}

/// What is known of one address.
public struct SymbolizedAddress: Hashable, Sendable {
    /// The innermost inlined function first, the function that really lies at the address last; never empty.
    public var frames: [SymbolizedFrame]
    /// ELF virtual address of the first byte of the function, or of the part of it that the address belongs to; nil
    /// where only the line is known.
    public var functionStart: UInt64?

    public init(frames: [SymbolizedFrame], functionStart: UInt64?) {
        self.frames = frames
        self.functionStart = functionStart
    }
}

/// The answer of one source, with names as they are in the file.
public struct SymbolMatch: Sendable {
    public struct Frame: Sendable {
        /// As in the file; empty when this source knows only the line.
        public var systemName: String
        /// False for a name as it is in the source, such as those of Go, however it looks.
        public var isMangled = true
        public var fileName = ""
        public var line: UInt32 = 0
        public var column: UInt32 = 0
        public var startLine: UInt32 = 0
        /// As the source of names has it; the name itself may tell more.
        public var language = SymbolLanguage.unknown

        public init(
            systemName: String, isMangled: Bool = true, fileName: String = "", line: UInt32 = 0, column: UInt32 = 0,
            startLine: UInt32 = 0, language: SymbolLanguage = .unknown
        ) {
            self.systemName = systemName
            self.isMangled = isMangled
            self.fileName = fileName
            self.line = line
            self.column = column
            self.startLine = startLine
            self.language = language
        }

        /// A name without its scope and types, where symbol tables have it with both.
        var hasShortName: Bool {
            !isMangled && [.cxx, .rust, .swift, .d].contains(language)
        }
    }

    /// Innermost inlined function first; never empty.
    public var frames: [Frame]
    public var functionStart: UInt64?

    public init(frames: [Frame], functionStart: UInt64?) {
        self.frames = frames
        self.functionStart = functionStart
    }

    /// Takes from a less informed source what this answer lacks about the function that really lies at the address.
    mutating func complete(from other: SymbolMatch) {
        guard let last = frames.indices.last, let known = other.frames.last else { return }
        let isLonger = frames[last].hasShortName && known.isMangled && known.systemName != frames[last].systemName
        if frames[last].systemName.isEmpty || isLonger {
            frames[last].systemName = known.systemName
            frames[last].isMangled = known.isMangled
        }
        if functionStart == nil { functionStart = other.functionStart }
        if frames.count == 1, frames[last].line == 0, frames[last].fileName.isEmpty {
            frames[last].fileName = known.fileName
            frames[last].line = known.line
            frames[last].column = known.column
        }
        if frames[last].startLine == 0 { frames[last].startLine = known.startLine }
    }

    /// Whether asking further sources is useless.
    var isComplete: Bool {
        frames.last.map { !$0.systemName.isEmpty && $0.line != 0 && !$0.hasShortName } ?? false
    }
}

/// A source of names for one executable: symbol tables, Go's table of functions.
public protocol SymbolSource: Sendable {
    /// What is known of the ELF virtual address; nil when nothing is.
    func lookup(_ address: UInt64) -> SymbolMatch?
    /// Bytes of memory that this source holds, for the cache's bound.
    var sizeBytes: Int { get }
    /// These addresses will be asked for next, and others hardly.
    func announce(_ addresses: [UInt64])
    /// Gives back what can be read again.
    func releaseMemory()
}

extension SymbolSource {
    public func announce(_ addresses: [UInt64]) {}
    public func releaseMemory() {}
}
