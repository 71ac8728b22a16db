import CBPFInterface
import CBPFSupport
import CLibBPF
import Glibc

/// Where a task keeps the registers with which it entered the kernel, measured on the running kernel.
public struct TaskLayout: Equatable, Sendable {
    /// Offset of `task_struct.stack`, in bytes.
    public var taskStackOffset: Int32
    /// From the start of the task's stack to its `struct pt_regs`, in bytes.
    public var stackRegistersOffset: Int32
    /// Offset in `task_struct` of the thread pointer that is saved there, in bytes; nil: not found.
    public var threadPointerOffset: Int32?

    static func loadedObject(_ settings: kernel_settings) throws(BPFError) -> BPFObject {
        let object = try BPFObject(named: "task_layout")
        // The others it only declares, and not every kernel has a ring buffer.
        object.createOnly(mapsNamed: ["task_layouts", "kernel_peeks"])
        try object.apply(settings)
        try object.load()
        return object
    }

    /// What tells a system call of ours from others'. Thread ids do not: they differ by pid namespace.
    static func cookie() -> UInt64 { .random(in: (1 << 32)...(.max)) }

    /// Runs a program at the entry of a system call of our own and lets it search the task structure for its stack.
    ///
    /// - Throws: `BPFError` when the program cannot be loaded or attached, or found nothing. Samples that hit kernel
    ///   mode then have no user frames.
    static func measure(settings: kernel_settings) throws(BPFError) -> TaskLayout {
        let object = try loadedObject(settings)
        let map = try object.map(named: "task_layouts")
        let descriptor = bpf_raw_tracepoint_open("sys_enter", try object.program(named: "measure_task_layout"))
        guard descriptor >= 0 else {
            throw BPFError(action: "attach to the raw tracepoint sys_enter", errorNumber: -descriptor)
        }
        defer { close(descriptor) }
        // The copy of the thread pointer dates from the last time that this thread left its CPU (arm64).
        usleep(1000)
        var wanted = task_layout()
        wanted.is_wanted = 1
        wanted.cookie = cookie()
        wanted.task_stack_offset = -1
        wanted.stack_registers_offset = -1
        wanted.thread_pointer_offset = -1
        wanted.thread_pointer = UInt64(otelcol_thread_pointer())
        try map.update(UInt32(0), wanted)
        var layout = task_layout()
        for _ in 0..<(2 * TASK_WORDS / TASK_WORDS_AT_ONCE) {
            otelcol_call_with_argument(UInt(wanted.cookie))
            _ = try withUnsafeMutableBytesTyped(of: &layout) { bytes throws(BPFError) in
                try map.lookup(UInt32(0), into: bytes)
            }
            if layout.is_wanted == 0 { break }
        }
        guard layout.is_wanted == 0 else {
            throw BPFError(action: "observe a system call of our own", errorNumber: 0)
        }
        guard layout.task_stack_offset >= 0, layout.stack_registers_offset > 0 else {
            throw BPFError(action: "find the kernel's place for user registers", errorNumber: 0)
        }
        return TaskLayout(
            taskStackOffset: layout.task_stack_offset, stackRegistersOffset: layout.stack_registers_offset,
            threadPointerOffset: layout.thread_pointer_offset < 0 ? nil : layout.thread_pointer_offset)
    }
}

/// `withUnsafeMutableBytes(of:)` for typed errors.
func withUnsafeMutableBytesTyped<Value, Result>(
    of value: inout Value, _ body: (UnsafeMutableRawBufferPointer) throws(BPFError) -> Result
) throws(BPFError) -> Result {
    try withUnsafeMutablePointer(to: &value) { (pointer) throws(BPFError) in
        try body(UnsafeMutableRawBufferPointer(start: pointer, count: MemoryLayout<Value>.size))
    }
}
