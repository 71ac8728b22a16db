import ObjectFiles
import Processes

/// Support for one kind of managed runtime. Adding a runtime is adding a module with one of these, a BPF object, and an
/// entry in the engine's list.
public protocol Runtime: Sendable {
    var kind: RuntimeKind { get }

    /// Recognises the runtime in an executable; called once for each file, on a thread that may block.
    ///
    /// - Parameter path: as the process maps it.
    /// - Returns: nil for a file that does not hold this runtime.
    func inspect(_ file: ELFFile, path: String) -> (any RuntimeExecutable)?
}

/// An executable that holds a runtime.
public protocol RuntimeExecutable: Sendable {
    /// For the log: "3.11".
    var version: String { get }
    /// ELF addresses of the interpreter's loop: one range or two.
    var loop: [Range<UInt64>] { get }

    /// Finds out about the runtime in a process what its BPF program must know. Blocks; must not change the process.
    ///
    /// - Throws: `RuntimeError`; `.notReady` is tried again.
    func attach(to process: InspectedProcess) throws(RuntimeError) -> any AttachedRuntime

    /// Whether executable memory that holds no ELF file is where the runtime puts code that it makes, which its BPF program
    /// then gets through. No runtime does unless it says so.
    func makesCode(in mapping: Mapping) -> Bool

    /// Whether a runtime that was not ready is asked again as soon as its process maps more memory: it takes long to begin,
    /// and it can tell when it has. None does unless it says so.
    var tellsWhenReady: Bool { get }

    /// Whether a file that a process maps has more to say about the runtime: when it comes after the runtime was attached,
    /// that is attached anew. None does unless it says so.
    func isExtended(by module: InspectedProcess.Module) -> Bool
}

extension RuntimeExecutable {
    public func makesCode(in mapping: Mapping) -> Bool { false }
    public var tellsWhenReady: Bool { false }
    public func isExtended(by module: InspectedProcess.Module) -> Bool { false }
}

/// A runtime in one process.
public protocol AttachedRuntime: Sendable {
    /// The value of the BPF object's map for this process, whose field for the attachment's number is filled in.
    func facts(attachment: UInt32) -> [UInt8]

    /// Names a frame by reading the process, if it is still there. Called for every distinct frame once.
    ///
    /// - Parameter words: of the frame's record, without its header.
    /// - Returns: the functions at the frame, inlined ones first; empty when they cannot be told.
    func functions(of words: [UInt64]) -> [RuntimeFunction]
}

/// A function of a runtime's frame. Unknown texts are empty, unknown numbers 0.
public struct RuntimeFunction: Hashable, Sendable {
    public var name: String
    public var fileName: String
    public var line: UInt32
    /// The line at which the function begins.
    public var startLine: UInt32

    public init(name: String, fileName: String = "", line: UInt32 = 0, startLine: UInt32 = 0) {
        self.name = name
        self.fileName = fileName
        self.line = line
        self.startLine = startLine
    }
}

/// Why a runtime's frames cannot be had.
public struct RuntimeError: Error, Sendable, CustomStringConvertible {
    public enum Kind: Sendable {
        /// The runtime has not been initialised yet.
        case notReady
        /// Its version, or how it was built, is not known.
        case unsupported
        /// The process is gone, or does not let itself be read.
        case unreadable
    }

    public var kind: Kind
    public var description: String

    public init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }

    public init(_ error: MemoryReadError) {
        // What is not mapped yet may be mapped soon.
        self.init(error.kind == .unreadable ? .notReady : .unreadable, "\(error)")
    }
}
