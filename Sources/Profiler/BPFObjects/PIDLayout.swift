import CBPFInterface
import CBPFSupport
import CLibBPF
import Glibc

/// Which of a task's numbers samples carry, where the profiler runs in a pid namespace of its own.
public enum PIDTranslation: Sendable, Equatable {
    /// Those of the initial namespace.
    case none
    /// Those of the profiler's namespace; tasks in others, also in namespaces below it, count as outside.
    case exact
    /// Those of the profiler's namespace, which tasks in namespaces below it have too.
    case recursive
}

/// Where the kernel keeps the numbers of a task in each pid namespace (`struct pid`, include/linux/pid.h), and which
/// namespace the profiler itself is in: found out by looking at a thread whose numbers are known. Offsets in bytes.
struct PIDLayout: Equatable, Sendable {
    var threadPIDOffset: Int32
    var groupLeaderOffset: Int32
    var levelOffset: UInt32
    var numbersOffset: UInt32
    /// Of the profiler's namespace: 0 is the initial one.
    var level: UInt32
    /// Its address in the kernel.
    var namespace: UInt64

    /// A thread's numbers.
    struct Numbers: Equatable {
        var process: UInt32
        var thread: UInt32
    }

    private static let deepestLevel = 32  // MAX_PID_NS_LEVEL, include/linux/pid_namespace.h
    private static let taskBytes = 16384

    /// - Parameters:
    ///   - task: address of the thread's `task_struct`.
    ///   - outer: its numbers in the initial namespace.
    ///   - own: those in its own.
    ///   - read: 512 bytes of kernel memory; nil where not all of them are readable.
    /// - Returns: nil when the kernel's structures are not what is expected.
    static func find(
        task: UInt64, outer: Numbers, own: Numbers, read: (_ address: UInt64) -> [UInt8]?
    ) -> PIDLayout? {
        var bytes: [UInt8] = []
        while bytes.count < taskBytes, let piece = read(task &+ UInt64(bytes.count)) { bytes += piece }
        for offset in stride(from: 0, to: bytes.count &- 7, by: 8) {
            let pointer = word(bytes, offset)
            guard isKernelAddress(pointer), let pid = read(pointer),
                let found = numbers(in: pid, outer: outer.thread, own: own.thread)
            else { continue }
            var layout = PIDLayout(
                threadPIDOffset: Int32(offset), groupLeaderOffset: 0, levelOffset: found.levelOffset,
                numbersOffset: found.numbersOffset, level: found.level, namespace: found.namespace)
            guard let leader = leaderOffset(in: bytes, task, layout, outer: outer, own: own, read: read)
            else { continue }
            layout.groupLeaderOffset = Int32(leader)
            return layout
        }
        return nil
    }

    private static func isKernelAddress(_ value: UInt64) -> Bool { value >= 0xff00_0000_0000_0000 && value & 7 == 0 }

    private static func word(_ bytes: [UInt8], _ offset: Int) -> UInt64 {
        guard offset >= 0, offset <= bytes.count &- 8 else { return 0 }
        return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
    }

    /// `struct upid`: a number (u32), padding, the namespace's address. They lie one after the other, by level.
    private static func numbers(
        in pid: [UInt8], outer: UInt32, own: UInt32
    ) -> (numbersOffset: UInt32, levelOffset: UInt32, level: UInt32, namespace: UInt64)? {
        func number(_ offset: Int) -> UInt32 { UInt32(truncatingIfNeeded: word(pid, offset)) }
        for offset in stride(from: 8, to: 256, by: 8) {
            guard number(offset) == outer, isKernelAddress(word(pid, offset + 8)) else { continue }
            // The level stands beside the reference count, before everything else.
            for levelOffset in [4, 0] {
                let level = Int(truncatingIfNeeded: word(pid, levelOffset) & 0xffff_ffff)
                guard (1...deepestLevel).contains(level), offset + 16 * level + 16 <= pid.count,
                    number(offset + 16 * level) == own, isKernelAddress(word(pid, offset + 16 * level + 8))
                else { continue }
                return (
                    UInt32(offset), UInt32(levelOffset), UInt32(level), word(pid, offset + 16 * level + 8)
                )
            }
        }
        return nil
    }

    /// `group_leader` follows `real_parent`, `parent` (six and five words before it), and two lists.
    private static func leaderOffset(
        in bytes: [UInt8], _ task: UInt64, _ layout: PIDLayout, outer: Numbers, own: Numbers,
        read: (_ address: UInt64) -> [UInt8]?
    ) -> Int? {
        for offset in stride(from: 48, to: bytes.count &- 7, by: 8) {
            let leader = word(bytes, offset)
            let parent = word(bytes, offset - 48)
            guard isKernelAddress(leader), isKernelAddress(parent), parent == word(bytes, offset - 40),
                (leader == task) == (outer.thread == outer.process),
                let pointer = read(leader &+ UInt64(layout.threadPIDOffset)).map({ word($0, 0) }),
                isKernelAddress(pointer), let pid = read(pointer),
                let found = numbers(in: pid, outer: outer.process, own: own.process),
                found.namespace == layout.namespace, found.numbersOffset == layout.numbersOffset
            else { continue }
            return offset
        }
        return nil
    }

    /// Looks at the calling thread.
    static func measure(settings: kernel_settings) throws(BPFError) -> PIDLayout {
        let kernel = try KernelPeek(settings: settings)
        guard let first = kernel.look(at: 0) else {
            throw BPFError(action: "observe a system call of our own", errorNumber: 0)
        }
        let outer = Numbers(
            process: UInt32(truncatingIfNeeded: first.pid_tgid >> 32), thread: UInt32(truncatingIfNeeded: first.pid_tgid))
        let own = Numbers(
            process: UInt32(bitPattern: getpid()), thread: UInt32(bitPattern: otelcol_thread_id()))
        guard let layout = find(task: first.task, outer: outer, own: own, read: { kernel.read($0) }) else {
            throw BPFError(
                action: "find where this kernel keeps the process ids of namespaces, which pid_namespace_translation needs",
                errorNumber: 0)
        }
        return layout
    }
}

/// Reads memory of the kernel, at system calls of the calling thread.
private final class KernelPeek {
    private let object: BPFObject
    private let map: BPFMap
    private let tracepoint: Int32

    init(settings: kernel_settings) throws(BPFError) {
        object = try TaskLayout.loadedObject(settings)
        map = try object.map(named: "kernel_peeks")
        tracepoint = bpf_raw_tracepoint_open("sys_enter", try object.program(named: "peek_kernel"))
        if tracepoint < 0 {
            throw BPFError(action: "attach to the raw tracepoint sys_enter", errorNumber: -tracepoint)
        }
    }

    deinit { if tracepoint >= 0 { close(tracepoint) } }

    func look(at address: UInt64) -> kernel_peek? {
        var peek = kernel_peek()
        peek.cookie = TaskLayout.cookie()
        peek.address = address
        let cookie = peek.cookie
        do throws(BPFError) {
            try map.update(UInt32(0), peek)
            otelcol_call_with_argument(UInt(cookie))
            _ = try withUnsafeMutableBytesTyped(of: &peek) { bytes throws(BPFError) in
                try map.lookup(UInt32(0), into: bytes)
            }
        } catch {
            return nil
        }
        return peek.cookie == 0 ? peek : nil
    }

    func read(_ address: UInt64) -> [UInt8]? {
        guard let peek = look(at: address), peek.has_failed == 0 else { return nil }
        return withUnsafeBytes(of: peek.bytes) { Array($0) }
    }
}
