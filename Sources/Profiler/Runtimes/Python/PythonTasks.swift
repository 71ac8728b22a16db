import CBPFInterface
import ObjectFiles
import RuntimeSupport

/// Where asyncio keeps which task a thread runs and what waits for a task, since 3.14. Its part written in C describes its
/// structs in a section of its own (`AsyncioDebug`, Modules/_asynciomodule.c), the interpreter the others.
struct PythonTasks: Hashable, Sendable {
    static let sectionName = ".AsyncioDebug"
    private static let sectionBytes = 13 * 8

    // _PyThreadStateImpl.
    private var threadStateTask: Int
    // FutureObj, TaskObj.
    private var taskAwaitedBy: Int
    private var taskIsTask: Int
    private var taskAwaitedBySet: Int
    private var taskCoroutine: Int
    // PySetObject.
    private var setUsed: Int
    private var setTable: Int
    private var setMask: Int
    // PyObject, PyGenObject, _PyInterpreterFrame.
    private var objectType: Int
    private var generatorFrame: Int
    private var generatorState: Int
    private var frameStack: Int
    /// From a suspended coroutine's stack pointer down to what it waits for (`_PyGen_yf`, Objects/genobject.c).
    private var awaitedBelow: Int
    /// `FRAME_SUSPENDED_YIELD_FROM` and `FRAME_CLEARED` (Include/internal/pycore_frame.h).
    private var awaitingState: UInt8
    private var clearedState: UInt8
    /// Process address.
    private var coroutineType: UInt64

    static func isDescribed(in module: InspectedProcess.Module) -> Bool { module.file.section(sectionName) != nil }

    /// Nil when no file of the process has tasks, or when their description is not understood.
    init?(_ table: PythonDebugOffsets, in process: InspectedProcess, coroutineType: UInt64) {
        for module in [process.module] + process.modules {
            guard let section = module.file.section(PythonTasks.sectionName) else { continue }
            let bytes = (try? module.file.contents(of: section, limitBytes: 4096)) ?? []
            self.init(table, asyncio: bytes, coroutineType: coroutineType)
            return
        }
        return nil
    }

    /// - Parameter asyncio: the section: of a task its size, name, awaited_by, is_task, awaited_by_is_set, coro and node;
    ///   of an interpreter its size and list; of a thread its size, running loop, running task and list. Words of 8 bytes.
    init?(_ table: PythonDebugOffsets, asyncio: [UInt8], coroutineType: UInt64) {
        // Positions in the interpreter's table, in bytes: of set_object.used, gen_object.gi_iframe, pyobject.ob_type and
        // interpreter_frame.stackpointer.
        let set: Int, generator: Int, object: Int, stack: Int
        switch table.version.minor {
        case 14: (set, generator, object, stack, awaitedBelow) = (504, 680, 408, 296, 8)
        case 15: (set, generator, object, stack, awaitedBelow) = (600, 808, 472, 360, 16)
        default: return nil
        }
        (awaitingState, clearedState) = table.version.minor == 14 ? (0xff, 4) : (2, 5)
        guard asyncio.count >= PythonTasks.sectionBytes else { return nil }
        let words = (0..<13).map { index in
            UInt64(CodeBytes.word(asyncio, at: index * 8)) | UInt64(CodeBytes.word(asyncio, at: index * 8 + 4)) << 32
        }
        /// An offset within so many bytes, of which the field takes `count`.
        func offset(_ value: UInt64?, below limit: Int, count: UInt64 = 8) -> Int? {
            guard let value, value % count == 0, value < UInt64(max(0, limit)), value + count <= UInt64(max(0, limit)) else { return nil }
            return Int(value)
        }
        func stated(_ position: Int) -> UInt64? { table.small(position).map { UInt64($0) } }
        let task = Int(PYTHON_TASK_BYTES), setSize = Int(PYTHON_SET_BYTES), generatorSize = Int(PYTHON_GENERATOR_BYTES)
        guard let awaitedBy = offset(words[2], below: task), let isTask = offset(words[3], below: task, count: 1),
            let awaitedBySet = offset(words[4], below: task, count: 1), let coroutine = offset(words[5], below: task),
            let runningTask = offset(words[11], below: 4096), runningTask > 0,
            let used = offset(stated(set), below: setSize), let entries = offset(stated(set + 8), below: setSize),
            let mask = offset(stated(set + 16), below: setSize), let type = offset(stated(object), below: 32),
            let frame = offset(stated(generator), below: generatorSize),
            let state = offset(stated(generator + 8), below: generatorSize, count: 1),
            let pointer = offset(stated(stack), below: generatorSize - frame)
        else { return nil }
        (taskAwaitedBy, taskIsTask, taskAwaitedBySet, taskCoroutine) = (awaitedBy, isTask, awaitedBySet, coroutine)
        threadStateTask = runningTask
        (setUsed, setTable, setMask) = (used, entries, mask)
        (objectType, generatorFrame, generatorState, frameStack) = (type, frame, state, pointer)
        self.coroutineType = coroutineType
    }

    func describe(in facts: inout python_process) {
        facts.thread_state_task = UInt16(clamping: threadStateTask)
        facts.task_coroutine = UInt16(clamping: taskCoroutine)
        facts.task_awaited_by = UInt16(clamping: taskAwaitedBy)
        facts.task_is_task = UInt16(clamping: taskIsTask)
        facts.task_awaited_by_set = UInt16(clamping: taskAwaitedBySet)
        facts.set_used = UInt16(clamping: setUsed)
        facts.set_mask = UInt16(clamping: setMask)
        facts.set_table = UInt16(clamping: setTable)
        facts.object_type = UInt16(clamping: objectType)
        facts.generator_state = UInt16(clamping: generatorState)
        facts.generator_frame = UInt16(clamping: generatorFrame)
        facts.frame_stack = UInt16(clamping: frameStack)
        facts.awaited_below = UInt16(clamping: awaitedBelow)
        facts.awaiting_state = awaitingState
        facts.cleared_state = clearedState
        facts.coroutine_type = coroutineType
    }
}
