import CBPFInterface
import ObjectFiles
import Processes
import RuntimeSupport

/// Erlang/OTP's emulator with its compiler (BeamAsm, x86_64 and arm64): 25, and 27 to 29.
public struct BEAMRuntime: Runtime {
    public init() {}

    public var kind: RuntimeKind {
        RuntimeKind(
            name: "BEAM", frameType: "beam", frameKind: UInt8(FRAME_BEAM.rawValue), unwinder: UNWINDER_BEAM.rawValue,
            objectName: "beam", programName: "unwind_beam", processesMapName: "beam_processes")
    }

    /// A function of the interface for native functions (erl_nif.h), which only the emulator has, and has in every build.
    static let marker = "enif_thread_type"

    static let symbolNames: Set<String> = [
        marker, "__jit_debug_descriptor", "etp_beamasm", "etp_otp_release", "process_main", "the_active_code_index",
    ]

    public func inspect(_ file: ELFFile, path: String) -> (any RuntimeExecutable)? {
        let symbols = file.exportedSymbols(named: BEAMRuntime.symbolNames)
        guard let threadType = symbols[BEAMRuntime.marker], threadType.value != 0 else { return nil }
        var loop: Range<UInt64>?
        if let interpreter = symbols["process_main"], interpreter.size > 0 {
            let (end, overflow) = interpreter.value.addingReportingOverflow(interpreter.size)
            if !overflow { loop = interpreter.value..<end }
        }
        return BEAMExecutable(
            version: BEAMVersion.text(file, symbols["etp_otp_release"], path: path),
            isCompiled: BEAMVersion.isCompiled(file, symbols["etp_beamasm"]), threadType: threadType.value,
            debugDescriptor: symbols["__jit_debug_descriptor"]?.value,
            codeIndex: symbols["the_active_code_index"]?.value, interpreter: loop, file: file)
    }
}

/// Erlang's emulator.
struct BEAMExecutable: RuntimeExecutable {
    let version: String
    /// It compiles modules as it loads them; nil when it does not say.
    let isCompiled: Bool?
    /// ELF address of `enif_thread_type`.
    let threadType: UInt64
    /// ELF addresses; nil where they are not exported.
    let debugDescriptor: UInt64?
    let codeIndex: UInt64?
    /// The function `process_main`, where it is exported.
    let interpreter: Range<UInt64>?
    let file: ELFFile

    /// Only an interpreter has one; its frames are not shown, and so are missed there.
    var loop: [Range<UInt64>] { isCompiled == false ? interpreter.map { [$0] } ?? [] : [] }

    /// Compiled code lies in shared memory without a name in any folder, mapped twice, or in anonymous memory.
    func makesCode(in mapping: Mapping) -> Bool {
        isCompiled != false && (mapping.kind == .anonymous || mapping.path.hasPrefix("/memfd:"))
    }

    func attach(to process: InspectedProcess) throws(RuntimeError) -> any AttachedRuntime {
        if isCompiled == false {
            throw RuntimeError(.unsupported, "\(version): this emulator interprets, only one that compiles is known")
        }
        let bias = process.module.bias
        let variables = BEAMVariables(of: file, bias: bias, memory: process.memory)
        var code = try BEAMCodeList.find(symbol: debugDescriptor.map { $0 &+ bias }, variables, process.memory)
        try code.refresh()
        guard let normalExit = code.normalExit else {
            throw RuntimeError(.notReady, "the emulator has not been initialised yet")
        }
        let shared = try code.sharedCode()
        let scheduler = try BEAMScheduler(shared.scheduler, file.machine, process.memory)
        let ranges = try BEAMModuleRanges.find(in: variables, modules: code.bases, process.memory)
        guard let digest = BEAMModuleHeader.digestOffset(of: code.bases, process.memory) else {
            throw RuntimeError(.unsupported, "the headers of its modules are not understood")
        }
        let currentProcess = try BEAMCurrentProcess.offsets(accessor: threadType, file, process)
        var facts = BEAMFacts(
            currentProcess: currentProcess, ranges: ranges, normalExit: normalExit, shared: shared.ranges,
            schedulerCode: shared.scheduler, scheduler: scheduler, digestOffset: digest)
        let segments = file.executableSegments
        if let start = segments.map(\.address).min(), let end = segments.map({ $0.address &+ $0.memorySize }).max() {
            facts.text = code_range(start: start &+ bias, length: end &- start)
        }
        if let index = codeIndex.map({ $0 &+ bias }) ?? scheduler.codeIndex,
            let value = try? process.memory.read(at: index, as: UInt32.self), value < 3
        {
            facts.codeIndex = index
        }
        return AttachedBEAM(memory: process.memory, facts: facts, code: code)
    }
}
