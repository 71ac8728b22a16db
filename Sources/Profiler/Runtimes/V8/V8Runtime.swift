import CBPFInterface
import ObjectFiles
import Processes
import RuntimeSupport

/// V8 8.1 and later, as Node.js has it since 14: whatever exports V8's metadata for debuggers.
public struct V8Runtime: Runtime {
    public init() {}

    public var kind: RuntimeKind {
        RuntimeKind(
            name: "V8", frameType: "v8js", frameKind: UInt8(FRAME_V8.rawValue), unwinder: UNWINDER_V8.rawValue,
            objectName: "v8", programName: "unwind_v8", processesMapName: "v8_processes")
    }

    public func inspect(_ file: ELFFile, path: String) -> (any RuntimeExecutable)? {
        guard let metadata = V8Metadata(in: file) else { return nil }
        return V8Executable(
            metadata: metadata, layout: V8Layout(metadata), builtins: V8Builtins(in: file),
            sizes: V8Executable.bytecodeSizes(in: file), machine: file.machine)
    }
}

/// An executable or library with V8 in it.
struct V8Executable: RuntimeExecutable {
    let metadata: V8Metadata
    /// Nil for a version or build that is not understood.
    let layout: V8Layout?
    let builtins: V8Builtins?
    /// Nil where they are not to be found: then functions in baseline code have no lines.
    let sizes: V8BytecodeSizes?
    let machine: ELFMachine

    var version: String { "\(metadata.version)" }
    var loop: [Range<UInt64>] { builtins.map { [$0.range] } ?? [] }

    func makesCode(in mapping: Mapping) -> Bool { mapping.kind == .anonymous }

    private static let sizesName = "_ZN2v88internal11interpreter9Bytecodes14kBytecodeSizesE"

    static func bytecodeSizes(in file: ELFFile) -> V8BytecodeSizes? {
        guard let symbol = file.symbols(named: [sizesName])[sizesName], symbol.size > 0, symbol.size <= 4096,
            let bytes = try? file.read(atAddress: symbol.value, count: Int(symbol.size))
        else { return nil }
        return V8BytecodeSizes(bytes)
    }

    func attach(to process: InspectedProcess) throws(RuntimeError) -> any AttachedRuntime {
        if metadata.isEmpty { throw RuntimeError(.unsupported, "V8 \(version) does not export its metadata") }
        guard let layout else { throw RuntimeError(.unsupported, "V8 \(version) is not known, or built in another way") }
        guard let builtins else { throw RuntimeError(.unsupported, "V8's builtins were not found") }
        return AttachedV8(
            heap: V8Heap(memory: process.memory, layout: layout), builtins: builtins, sizes: sizes,
            frameTypes: metadata.frameTypes,
            registers: V8Registers(metadata, machine), machine: machine)
    }
}

/// Where the interpreter keeps the bytecode that it runs and the offset in it, by the numbers of DWARF.
struct V8Registers: Hashable, Sendable {
    var bytecode: UInt8
    var offset: UInt8

    init(_ metadata: V8Metadata, _ machine: ELFMachine) {
        // Both machines number these as DWARF does.
        let defaults: (Int, Int) =
            switch machine {
            case .x86_64: (12, 9)
            case .aarch64: (20, 19)
            }
        bytecode = UInt8(clamping: metadata["InterpreterBytecodeArrayRegister"] ?? defaults.0) & 31
        offset = UInt8(clamping: metadata["InterpreterBytecodeOffsetRegister"] ?? defaults.1) & 31
    }
}
