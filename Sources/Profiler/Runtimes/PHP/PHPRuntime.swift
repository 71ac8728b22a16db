import CBPFInterface
import ObjectFiles
import Processes
import RuntimeSupport

/// PHP 7.3 to 8.5: command line, FPM, Apache's module, and whatever else has it built in.
public struct PHPRuntime: Runtime {
    public init() {}

    public var kind: RuntimeKind {
        RuntimeKind(
            name: "PHP", frameType: "php", frameKind: UInt8(FRAME_PHP.rawValue), unwinder: UNWINDER_PHP.rawValue,
            objectName: "php", programName: "unwind_php", processesMapName: "php_processes")
    }

    static let symbolNames: Set<String> = [
        "execute_ex", "executor_globals", "executor_globals_offset", "tsrm_get_ls_cache", "zend_is_executing",
        "zend_vm_kind",
    ]
    /// Functions that prepare a call from C: the frame is current before the loop is entered.
    static let callNames: Set<String> = ["zend_call_function", "zend_init_func_execute_data"]

    public func inspect(_ file: ELFFile, path: String) -> (any RuntimeExecutable)? {
        // PHP exports them for its extensions. Where nothing is exported, the name has to tell.
        let names = PHPRuntime.symbolNames.union(PHPRuntime.callNames)
        var symbols = file.exportedSymbols(named: names)
        let name = path.split(separator: "/").last ?? ""
        if symbols["execute_ex"] == nil, name.contains("php") { symbols = file.symbols(named: names) }
        guard let loop = symbols["execute_ex"], loop.size > 0,
            symbols["executor_globals"] != nil || symbols["executor_globals_offset"] != nil
        else { return nil }
        let (end, overflow) = loop.value.addingReportingOverflow(loop.size)
        guard !overflow else { return nil }
        let hot = loop.value..<end
        return PHPExecutable(
            stated: PHPVersion(statedIn: file), symbols: symbols.mapValues(\.value),
            loop: [hot] + (ColdPart.find(of: hot, in: file).map { [$0] } ?? []),
            calls: PHPRuntime.callNames.compactMap { symbols[$0] }.map { code_range(start: $0.value, length: $0.size) },
            file: file)
    }
}

/// An executable or library with PHP in it.
struct PHPExecutable: RuntimeExecutable {
    /// Nil when it does not say.
    let stated: PHPVersion?
    /// ELF addresses of what `PHPRuntime.symbolNames` names.
    let symbols: [String: UInt64]
    let loop: [Range<UInt64>]
    /// ELF addresses of functions that prepare a call from C.
    let calls: [code_range]
    let file: ELFFile

    var version: String { stated.map { "\($0)" } ?? "of unknown version" }

    /// opcache's compiler writes into memory that all processes of one master share; the regular expressions' compiler
    /// into private memory.
    func makesCode(in mapping: Mapping) -> Bool { mapping.isShared }

    func attach(to process: InspectedProcess) throws(RuntimeError) -> any AttachedRuntime {
        guard let stated else { throw RuntimeError(.unsupported, "its version is not known") }
        guard var layout = PHPLayout(stated) else {
            throw RuntimeError(.unsupported, "version \(stated) is not known")
        }
        let globals = symbols["executor_globals"]
        if let accessor = symbols["zend_is_executing"],
            let decoded = PHPGlobals.currentFrame(
                code: code(at: accessor), at: accessor, globals: globals, machine: file.machine)
        {
            layout.currentFrame = decoded
        }
        let bias = process.module.bias
        let place: PHPFacts.CurrentFrame
        if let globals {
            let address = globals &+ bias &+ UInt64(layout.currentFrame)
            try PHPFrameCheck(layout: layout, memory: process.memory).check(currentFrameAt: address)
            place = .global(address)
        } else {
            place = try threadsPlace(layout, process)
        }
        return AttachedPHP(
            memory: process.memory,
            facts: PHPFacts(layout: layout, currentFrame: place, code: machineCode(bias: bias)))
    }

    /// In builds with threads.
    private func threadsPlace(
        _ layout: PHPLayout, _ process: InspectedProcess
    ) throws(RuntimeError) -> PHPFacts.CurrentFrame {
        guard let variable = symbols["executor_globals_offset"], let accessor = symbols["tsrm_get_ls_cache"] else {
            throw RuntimeError(.unsupported, "it does not export where threads have their globals")
        }
        let offset: UInt64
        do {
            offset = try process.memory.read(at: variable &+ process.module.bias, as: UInt64.self)
        } catch {
            throw RuntimeError(error)
        }
        guard offset != 0 else { throw RuntimeError(.notReady, "PHP has not been initialised yet") }
        guard offset < 1 << 24 else { throw RuntimeError(.unsupported, "its globals are not where they should be") }
        let block = try PHPGlobals.threadBlock(accessor: accessor, code: code(at: accessor), in: process)
        return .inThread(block: block, offset: offset &+ UInt64(layout.currentFrame))
    }

    private func code(at address: UInt64, count: Int = PHPGlobals.codeBytes) -> [UInt8] {
        (try? file.read(atAddress: address, count: count)) ?? []
    }

    /// How to get from machine code to the loop's frame.
    private func machineCode(bias: UInt64) -> PHPFacts.MachineCode {
        var result = PHPFacts.MachineCode()
        result.calls = calls
        guard let hot = loop.first else { return result }
        result.loop = code_range(start: hot.lowerBound &+ bias, length: UInt64(hot.count))
        let segments = file.executableSegments
        if let start = segments.map(\.address).min(), let end = segments.map({ $0.address &+ $0.memorySize }).max() {
            result.callers = code_range(start: start &+ bias, length: end &- start)
        }
        guard let accessor = symbols["zend_vm_kind"],
            let kind = PHPLoopKind(code: code(at: accessor), machine: file.machine)
        else { return result }
        if kind == .hybrid {
            guard
                let decoded = PHPLoop(
                    code: code(at: hot.lowerBound, count: PHPLoop.codeBytes), at: hot.lowerBound, machine: file.machine)
            else { return result }
            result.sharesFrame = true
            result.dispatch = decoded.dispatch &+ bias
            result.frameBytes = decoded.frameBytes
            result.hasFramePointer = decoded.hasFramePointer
        } else {
            result.dispatch = hot.lowerBound &+ bias
        }
        return result
    }
}
