import CBPFInterface
import ObjectFiles
import RuntimeSupport

/// CPython 3.6 to 3.15.
public struct PythonRuntime: Runtime {
    public init() {}

    public var kind: RuntimeKind {
        RuntimeKind(
            name: "CPython", frameType: "cpython", frameKind: UInt8(FRAME_PYTHON.rawValue),
            unwinder: UNWINDER_PYTHON.rawValue, objectName: "python", programName: "unwind_python",
            processesMapName: "python_processes")
    }

    /// Older than `_PyRuntime`: 3.6.
    private static let oldMarker = "PyFrame_Type"

    static let symbolNames: Set<String> = [
        "_PyRuntime", "_PyEval_EvalFrameDefault", "PyGILState_GetThisThreadState", "Py_Version", "PyCoro_Type", oldMarker,
    ]

    public func inspect(_ file: ELFFile, path: String) -> (any RuntimeExecutable)? {
        let fileName = String(path.split(separator: "/").last ?? "")
        let named = PythonVersion(fileName: fileName)
        // Python is embedded under any name; where nothing is exported, the name has to tell.
        var symbols = file.exportedSymbols(named: PythonRuntime.symbolNames)
        if symbols["_PyRuntime"] == nil, named != nil { symbols = file.symbols(named: PythonRuntime.symbolNames) }
        guard let loop = symbols["_PyEval_EvalFrameDefault"], loop.size > 0,
            let accessor = symbols["PyGILState_GetThisThreadState"],
            symbols["_PyRuntime"] != nil || symbols[PythonRuntime.oldMarker] != nil
        else { return nil }
        return PythonExecutable(
            stated: statedVersion(file, symbols["Py_Version"]) ?? named, runtime: symbols["_PyRuntime"]?.value,
            accessor: accessor.value, coroutineType: symbols["PyCoro_Type"]?.value, loop: loopRanges(file, loop), file: file)
    }

    /// `Py_Version` holds PY_VERSION_HEX since 3.11.
    private func statedVersion(_ file: ELFFile, _ symbol: ELFSymbol?) -> PythonVersion? {
        guard let symbol, let bytes = try? file.read(atAddress: symbol.value, count: 4) else { return nil }
        let value = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return PythonVersion(hexadecimal: value, isFreeThreaded: false)
    }

    private func loopRanges(_ file: ELFFile, _ loop: ELFSymbol) -> [Range<UInt64>] {
        let (end, overflow) = loop.value.addingReportingOverflow(loop.size)
        if overflow { return [] }
        let hot = loop.value..<end
        return [hot] + (ColdPart.find(of: hot, in: file).map { [$0] } ?? [])
    }
}

/// An executable or library with CPython in it.
struct PythonExecutable: RuntimeExecutable {
    /// Nil when neither symbols nor the file's name tell; the process may.
    let stated: PythonVersion?
    /// ELF address of `_PyRuntime`, since 3.7.
    let runtime: UInt64?
    /// ELF address of `PyGILState_GetThisThreadState`.
    let accessor: UInt64
    /// ELF address of `PyCoro_Type`.
    let coroutineType: UInt64?
    let loop: [Range<UInt64>]
    let file: ELFFile

    var version: String { stated.map { "\($0)" } ?? "of unknown version" }

    /// Programs import asyncio's tasks when they have run for a while.
    func isExtended(by module: InspectedProcess.Module) -> Bool { PythonTasks.isDescribed(in: module) }

    func attach(to process: InspectedProcess) throws(RuntimeError) -> any AttachedRuntime {
        let bias = process.module.bias
        var version = stated
        var table: PythonDebugOffsets?
        if let runtime {
            do {
                table = PythonDebugOffsets(
                    try process.memory.readBytes(at: runtime &+ bias, count: PythonDebugOffsets.sizeBytes))
            } catch {
                throw RuntimeError(error)
            }
            version = table?.version ?? version
        }
        guard let version else { throw RuntimeError(.unsupported, "its version is not known") }
        guard var layout = PythonLayout(version) else {
            throw RuntimeError(.unsupported, "version \(version) is not known")
        }
        if let table, !table.apply(to: &layout) {
            throw RuntimeError(.unsupported, "its description of version \(version) is not understood")
        }
        let threadState = try PythonThreadState.place(self, version, process)
        var tasks: PythonTasks?
        if let table, let coroutineType {
            tasks = PythonTasks(table, in: process, coroutineType: coroutineType &+ bias)
        }
        return AttachedPython(
            memory: process.memory, version: version, layout: layout, threadState: threadState, tasks: tasks)
    }
}
